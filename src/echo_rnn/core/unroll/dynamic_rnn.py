"""The article's part 5: `tf.compat.v1.nn.dynamic_rnn`, through a cell adapter.

The order of work and what is stored are those of `dynamic`, which is written after it: about 8·S values for each
(layer, step, row) of an LSTM, in a graph that does not grow with T. With `lengths_B` the loop ends with the longest
row, and where a row has ended, a conditional at each step skips the copies that are not needed. Source: TensorFlow
2.21, `tensorflow/python/ops/rnn.py`.
"""

from collections.abc import Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.article import article_arguments
from echo_rnn.core.unroll.window import Window


def dynamic_rnn(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    h_TBS, state = tf.compat.v1.nn.dynamic_rnn(
        inputs=window.arrays, time_major=True, **article_arguments(cells, weights, window, state)
    )
    return h_TBS, state
