"""Partial unrolling: a loop whose body advances k time steps.

    t = 0 … r-1:  one step each, written out                       r = T mod k, and T where k ≥ T
    while t < T:  k steps written out;  t += k

Stored for the backward pass, for each (layer, step, batch row): the same values as static unrolling, about 8·S for an
LSTM. Graph size, tracing time and compile time grow linearly in k and do not depend on T; the loop's overhead is paid
once in k steps. k = 1 is dynamic unrolling and k ≥ T is static unrolling. The remainder comes first, so that the loop
can end with the longest row. Source: `jax.lax.scan(unroll=k)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.window import Window, step_stack
from echo_rnn.core.unroll.write import write_once


@dataclass(frozen=True)
class Partial:
    """The strategy for one k.

    Attributes:
        steps: Time steps that the loop's body advances (k).
    """

    steps: int

    def __call__(
        self, cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
    ) -> tuple[tf.Tensor, StackState]:
        """See `Unroll`."""
        read = window.reader()
        longest = window.longest

        def advance(
            t: int | tf.Tensor, steps: int, state: StackState, outputs: tf.TensorArray
        ) -> tuple[int | tf.Tensor, StackState, tf.TensorArray]:
            for offset in range(steps):
                h_BS, state = step_stack(cells, weights, read(t + offset), state)
                outputs = write_once(outputs, t + offset, h_BS)
            return t + steps, state, outputs

        # A loop of one iteration would only add its overhead.
        first = window.steps % self.steps if self.steps < window.steps else window.steps
        t, state, outputs = advance(0, first, state, window.writer(cells[-1].units))
        if first < window.steps:
            _, state, outputs = tf.while_loop(
                lambda t, *_: t < longest,
                lambda t, state, outputs: advance(t, self.steps, state, outputs),
                (tf.constant(t), state, outputs),
                maximum_iterations=window.steps // self.steps,
            )
        return window.outputs(outputs.stack()), state
