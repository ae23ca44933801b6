"""Wavefront with deferred weight gradients: `wavefront` forward, and backward wave by wave in the other direction.

    for w in T+L-2 … 0:    d_z, d_state = …;   d_h[l-1] += d_z[l] Wᵀ      all layers at once
    d_W = xᵀ d_z,  d_U = hᵀ d_z                                          one batched product each over waves and rows

Unlike `deferred` the input products stay in the loop, since a wave's inputs are outputs of the wave before it. Stored
for the backward pass, for each (layer, step, batch row): the input, the gates and the state, 7·S for an LSTM of the
largest size, and the same for the L·(L-1) idle cells. Graph size, tracing time and compile time do not depend on T and
hardly on L. Small layers lie in columns (see `columns`), and under XLA all waves are then one fused loop. A second
derivative is TensorFlow's own, of the loops written here. Sources: see `wavefront` and `deferred`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, StackState, State
from echo_rnn.core.cells.product import back_product
from echo_rnn.core.unroll.scan import reader, scan
from echo_rnn.core.unroll.wavefront import waves_of
from echo_rnn.core.unroll.waves import StackableCell, Waves
from echo_rnn.core.unroll.window import Window, keep_ended, states_before


class _Stored(NamedTuple):
    """What the backward pass reads, wave by wave: layer inputs, the cell's residuals, states before and after."""

    inputs_W: tf.Tensor
    residuals_W: tf.Tensor
    before_W: State
    after_W: State


def wavefront_deferred(
    cells: Sequence[StackableCell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    waves = waves_of(cells, window)

    def run(
        x_W: tf.Tensor, weights: CellWeights, state: State
    ) -> tuple[tuple[tf.Tensor, State], Callable[..., tuple[tf.Tensor, CellWeights, State]]]:
        stored, final = _forward(waves, weights, x_W, state)

        def gradients(d_top_W: tf.Tensor, *d_final: tf.Tensor) -> tuple[tf.Tensor, CellWeights, State]:
            d_z_W, d_x_W, d_state = _backward(waves, weights, stored, d_top_W, d_final)
            d_kernel, d_bias = waves.cell.input_gradients(weights, stored.inputs_W, d_z_W)
            d_recurrent, d_bias_too = waves.cell.recurrent_gradients(
                weights, stored.residuals_W, stored.before_W, d_z_W
            )
            return d_x_W, CellWeights(d_kernel, d_recurrent, d_bias + d_bias_too), d_state

        return (waves.top(stored.after_W[0]), final), gradients

    top_W, final = tf.custom_gradient(run)(waves.inputs(), waves.stack_weights(weights), waves.stack_state(state))
    return waves.outputs(top_W), waves.unstack_state(final)


def _forward(waves: Waves, weights: CellWeights, x_W: tf.Tensor, state: State) -> tuple[_Stored, State]:
    """All waves: what the backward pass reads, and the final state."""
    read_x, masks = reader(x_W, waves.count), waves.masks()

    def one_wave(w: tf.Tensor, state: State) -> tuple[State, list[tf.Tensor]]:
        inputs = waves.layer_inputs(read_x(w), state[0], None if masks is None else masks[w])
        after, residuals = waves.cell.forward_with_residuals(weights, waves.cell.project(weights, inputs), state)
        after = keep_ended(waves.active(w), after, state)
        return after, [*after, inputs, residuals]

    # LiteRT converts arrays whose elements have known shapes; what only the backward pass reads is not in its graph.
    arrays = [tf.TensorArray(part.dtype, waves.count, element_shape=part.shape) for part in state]
    arrays += [tf.TensorArray(x_W.dtype, waves.count) for _ in ("inputs", "residuals")]
    final, (*after_W, inputs_W, residuals_W) = scan(one_wave, state, arrays, waves.count)
    return _Stored(inputs_W, residuals_W, states_before(state, tuple(after_W)), tuple(after_W)), final


def _backward(
    waves: Waves, weights: CellWeights, stored: _Stored, d_top_W: tf.Tensor, d_final: State
) -> tuple[tf.Tensor, tf.Tensor, State]:
    """The gradients of the projected inputs, of the first layer's inputs and of the first state."""
    read, masks = reader((stored[1:], d_top_W), waves.count), waves.masks()

    def one_wave(w: tf.Tensor, d_state: State) -> tuple[State, list[tf.Tensor]]:
        (residuals, before, after), d_top = read(w)
        d_state = (d_state[0] + waves.top_gradient(d_top), *d_state[1:])
        active = waves.active(w)
        # Before its first and after its last time step a row's gradient bypasses the cell.
        d_active = tuple(tf.where(active, d, 0) for d in d_state)
        d_z, d_before = waves.cell.backward(weights, waves.cell.local_jacobian(residuals, before, after), d_active)
        d_before = keep_ended(active, d_before, d_state)
        d_x, d_h = waves.layer_input_gradients(
            back_product(d_z, weights.kernel_IG, waves.cell.precision), None if masks is None else masks[w]
        )
        return (d_before[0] + d_h, *d_before[1:]), [d_z, d_x]

    arrays = [tf.TensorArray(d_top_W.dtype, waves.count) for _ in ("d_z", "d_x")]
    d_state, (d_z_W, d_x_W) = scan(one_wave, d_final, arrays, waves.count, backward=True)
    return d_z_W, d_x_W, d_state
