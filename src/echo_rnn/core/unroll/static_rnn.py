"""The article's parts 2 to 4: `tf.compat.v1.nn.static_rnn`, through a cell adapter.

The order of work and what is stored are those of `static`, which is written after it: about 8·S values for each
(layer, step, row) of an LSTM, in a graph that grows linearly in T. With `lengths_B` every step of the graph becomes a
conditional, and steps past the longest row are skipped at run time. Source: TensorFlow 2.21,
`tensorflow/python/ops/rnn.py`.
"""

from collections.abc import Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.article import article_arguments
from echo_rnn.core.unroll.window import Window


def static_rnn(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    inputs_T = list(zip(*(tf.unstack(array) for array in window.arrays), strict=True))
    h_T, state = tf.compat.v1.nn.static_rnn(inputs=inputs_T, **article_arguments(cells, weights, window, state))
    return tf.stack(h_T), state
