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
from echo_rnn.core.unroll.wavefront import waves_of
from echo_rnn.core.unroll.waves import StackableCell, Waves
from echo_rnn.core.unroll.window import Window, keep_ended


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
        x_W: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, *state: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], Callable[..., tuple[tf.Tensor, ...]]]:
        stacked = CellWeights(kernel, recurrent, bias)
        stored, final = _forward(waves, stacked, x_W, state)

        def gradients(d_top_W: tf.Tensor, *d_final: tf.Tensor) -> tuple[tf.Tensor, ...]:
            d_z_W, d_x_W, d_state = _backward(waves, stacked, stored, d_top_W, d_final)
            d_kernel, d_bias = waves.cell.input_gradients(stacked, stored.inputs_W, d_z_W)
            d_recurrent, d_bias_too = waves.cell.recurrent_gradients(
                stacked, stored.residuals_W, stored.before_W, d_z_W
            )
            return d_x_W, d_kernel, d_recurrent, d_bias + d_bias_too, *d_state

        return (waves.top(stored.after_W[0]), *final), gradients

    top_W, *final = tf.custom_gradient(run)(waves.inputs(), *waves.stack_weights(weights), *waves.stack_state(state))
    return waves.outputs(top_W), waves.unstack_state(tuple(final))


def _forward(waves: Waves, weights: CellWeights, x_W: tf.Tensor, state: State) -> tuple[_Stored, State]:
    """All waves: what the backward pass reads, and the final state."""
    read_x, masks = tf.TensorArray(x_W.dtype, waves.count).unstack(x_W), waves.masks()

    def one_wave(
        w: tf.Tensor, state: State, states: tuple[tf.TensorArray, ...], stored: tuple[tf.TensorArray, ...]
    ) -> tuple[tf.Tensor, State, tuple[tf.TensorArray, ...], tuple[tf.TensorArray, ...]]:
        inputs = waves.layer_inputs(read_x.read(w), state[0], None if masks is None else masks[w])
        after, residuals = waves.cell.forward_with_residuals(weights, waves.cell.project(weights, inputs), state)
        after = keep_ended(waves.active(w), after, state)
        states = tuple(array.write(w, part) for array, part in zip(states, after, strict=True))
        stored = tuple(array.write(w, part) for array, part in zip(stored, (inputs, residuals), strict=True))
        return w + 1, after, states, stored

    states = tuple(tf.TensorArray(part.dtype, waves.count) for part in state)
    stored = tuple(tf.TensorArray(x_W.dtype, waves.count) for _ in range(2))
    _, final, states, stored = tf.while_loop(
        lambda w, *_: w < waves.count,
        one_wave,
        (tf.constant(0), state, states, stored),
        maximum_iterations=waves.count,
    )
    after_W = tuple(array.stack() for array in states)
    before_W = tuple(tf.concat([first[None], rest[:-1]], axis=0) for first, rest in zip(state, after_W, strict=True))
    inputs_W, residuals_W = (array.stack() for array in stored)
    return _Stored(inputs_W, residuals_W, before_W, after_W), final


def _backward(
    waves: Waves, weights: CellWeights, stored: _Stored, d_top_W: tf.Tensor, d_final: State
) -> tuple[tf.Tensor, tf.Tensor, State]:
    """The gradients of the projected inputs, of the first layer's inputs and of the first state."""
    arrays = tf.nest.map_structure(
        lambda tensor: tf.TensorArray(tensor.dtype, waves.count).unstack(tensor), (stored[1:], d_top_W)
    )
    masks = waves.masks()

    def one_wave(
        w: tf.Tensor, d_state: State, d_z_W: tf.TensorArray, d_x_W: tf.TensorArray
    ) -> tuple[tf.Tensor, State, tf.TensorArray, tf.TensorArray]:
        (residuals, before, after), d_top = tf.nest.map_structure(lambda array: array.read(w), arrays)
        d_state = (d_state[0] + waves.top_gradient(d_top), *d_state[1:])
        active = waves.active(w)
        # Before its first and after its last time step a row's gradient bypasses the cell.
        d_active = tuple(tf.where(active, d, 0) for d in d_state)
        d_z, d_before = waves.cell.backward(weights, waves.cell.local_jacobian(residuals, before, after), d_active)
        d_before = keep_ended(active, d_before, d_state)
        d_x, d_h = waves.layer_input_gradients(
            back_product(d_z, weights.kernel_IG, waves.cell.precision), None if masks is None else masks[w]
        )
        return w - 1, (d_before[0] + d_h, *d_before[1:]), d_z_W.write(w, d_z), d_x_W.write(w, d_x)

    _, d_state, d_z_W, d_x_W = tf.while_loop(
        lambda w, *_: w >= 0,
        one_wave,
        (
            tf.convert_to_tensor(waves.count - 1),
            d_final,
            tf.TensorArray(d_top_W.dtype, waves.count),
            tf.TensorArray(d_top_W.dtype, waves.count),
        ),
        maximum_iterations=waves.count,
    )
    return d_z_W.stack(), d_x_W.stack(), d_state
