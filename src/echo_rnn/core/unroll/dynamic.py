"""Dynamic unrolling: the graph holds one time step in a loop that runs T times.

    while t < T:  for l in 0 … L-1:  h[l][t] = cell(h[l-1][t], state[l]);  t += 1

Stored for the backward pass, for each (layer, step, batch row): the same values as static unrolling, about 8·S for an
LSTM, pushed to one stack per value. Graph size, tracing time and compile time do not depend on T; each step pays
the loop's overhead, and the loop ends with the longest row. Source: `tf.compat.v1.nn.dynamic_rnn`.
"""

from collections.abc import Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.window import Window, step_stack


def dynamic(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    read = window.reader()
    longest = window.longest

    def one_step(
        t: tf.Tensor, state: StackState, outputs: tf.TensorArray
    ) -> tuple[tf.Tensor, StackState, tf.TensorArray]:
        h_BS, state = step_stack(cells, weights, read(t), state)
        return t + 1, state, outputs.write(t, h_BS)

    # The bound is known: XLA needs it to lay out what the backward pass reads again.
    _, state, outputs = tf.while_loop(
        lambda t, *_: t < longest,
        one_step,
        (tf.constant(0), state, window.writer(cells[-1].units)),
        maximum_iterations=window.steps,
    )
    return window.outputs(outputs.stack()), state
