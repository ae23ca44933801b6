"""Dynamic unrolling: the graph holds one time step in a loop that runs T times.

    while t < T:  for l in 0 … L-1:  h[l][t] = cell(h[l-1][t], state[l]);  t += 1

Stored for the backward pass, for each (layer, step, batch row): the same values as static unrolling, about 8·S for an
LSTM, pushed to one stack per value. Graph size, tracing time and compile time do not depend on T; each step pays
the loop's overhead, and the loop ends with the longest row. Source: `tf.compat.v1.nn.dynamic_rnn`.
"""

from collections.abc import Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.scan import scan
from echo_rnn.core.unroll.window import Window, step_stack


def dynamic(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    read = window.reader()

    def one_step(t: tf.Tensor, state: StackState) -> tuple[StackState, list[tf.Tensor]]:
        h_BS, state = step_stack(cells, weights, read(t), state)
        return state, [h_BS]

    state, (h_TBS,) = scan(one_step, state, [window.writer(cells[-1].units)], window.steps, end=window.longest)
    return window.outputs(h_TBS), state
