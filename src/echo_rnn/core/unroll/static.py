"""Static unrolling: a Python loop writes the operations of every time step into the graph.

    for t in 0 … T-1, for l in 0 … L-1:  h[l][t] = cell(h[l-1][t], state[l])

Stored for the backward pass, for each (layer, step, batch row): what the step's operations need, about 8·S values for
an LSTM. Graph size, tracing time and compile time grow linearly in T. In exchange no loop is left at run time and the
compiler sees all steps at once. Source: `tf.compat.v1.nn.static_rnn`.
"""

from collections.abc import Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.window import Window, step_stack


def static(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    h_T = []
    for step in window.unstacked():
        h_BS, state = step_stack(cells, weights, step, state)
        h_T.append(h_BS)
    return window.outputs(tf.stack(h_T)), state
