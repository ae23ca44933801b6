"""Wavefront with deferred weight gradients: `wavefront` forward, and backward wave by wave in the other direction.

    for w in T+L-2 … 0:    d_z, d_state = …;   d_h[l-1] += d_z[l] Wᵀ      all layers at once
    d_W = xᵀ d_z,  d_U = hᵀ d_z                                          one batched product each over waves and rows

Unlike `deferred` the input products stay in the loop, since a wave's inputs come from the wave before it. Stored for
the backward pass, for each (layer, step, row): the gates and the state, 6·S for an LSTM of the largest size, and the
same for the L·(L-1) idle cells. Graph size, tracing time and compile time do not depend on T and hardly on L. A
second derivative is TensorFlow's own, of the loops written here. Sources: see `wavefront` and `deferred`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from echo_rnn.cells.cell import CellWeights, StackState, State
from echo_rnn.cells.product import back_product
from echo_rnn.unroll.waves import StackableCell, Waves
from echo_rnn.unroll.window import Window, keep_ended


class _Seen(NamedTuple):
    """What the way back looks at, wave by wave."""

    saved_W: tf.Tensor
    before_W: State
    after_W: State


def wavefront_deferred(
    cells: Sequence[StackableCell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    waves = Waves(cells, window)

    def run(
        x_W1BI: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, *state: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], Callable[..., tuple[tf.Tensor, ...]]]:
        stacked = CellWeights(kernel, recurrent, bias)
        seen, final = _forward(waves, stacked, x_W1BI, state)

        def gradients(d_h_WBS: tf.Tensor, *d_final: tf.Tensor) -> tuple[tf.Tensor, ...]:
            d_z_WLBG, d_x_W1BI, d_state = _backward(waves, stacked, seen, d_h_WBS, d_final)
            x_WLBI = tf.concat([x_W1BI, waves.handed_up(seen.before_W[0], waves.masks())], axis=1)
            d_kernel, d_bias = waves.cell.project_gradients(stacked, x_WLBI, d_z_WLBG)
            d_recurrent, d_bias_too = waves.cell.recur_gradients(stacked, seen.saved_W, seen.before_W, d_z_WLBG)
            return d_x_W1BI, d_kernel, d_recurrent, d_bias + d_bias_too, *d_state

        return (seen.after_W[0][:, -1], *final), gradients

    h_WBS, *final = tf.custom_gradient(run)(waves.inputs(), *waves.stack_weights(weights), *waves.stack_state(state))
    return waves.outputs(h_WBS), waves.unstack_state(tuple(final))


def _forward(waves: Waves, weights: CellWeights, x_W1BI: tf.Tensor, state: State) -> tuple[_Seen, State]:
    """All waves: what the way back looks at, and the final state."""
    read_x, masks = tf.TensorArray(x_W1BI.dtype, waves.count).unstack(x_W1BI), waves.masks()

    def one_wave(
        w: tf.Tensor, state: State, states: tuple[tf.TensorArray, ...], saved: tf.TensorArray
    ) -> tuple[tf.Tensor, State, tuple[tf.TensorArray, ...], tf.TensorArray]:
        h_LBI = waves.handed_up(state[0], None if masks is None else masks[w])
        z_LBG = waves.cell.project(weights, tf.concat([read_x.read(w), h_LBI], axis=0))
        after, keep = waves.cell.recur_saving(weights, z_LBG, state)
        after = keep_ended(waves.active_LB1(w), after, state)
        states = tuple(array.write(w, part) for array, part in zip(states, after, strict=True))
        return w + 1, after, states, saved.write(w, keep)

    arrays = tuple(tf.TensorArray(part.dtype, waves.count) for part in state)
    _, final, states, saved = tf.while_loop(
        lambda w, *_: w < waves.count,
        one_wave,
        (tf.constant(0), state, arrays, tf.TensorArray(x_W1BI.dtype, waves.count)),
        maximum_iterations=waves.count,
    )
    after_W = tuple(array.stack() for array in states)
    before_W = tuple(tf.concat([first[None], rest[:-1]], axis=0) for first, rest in zip(state, after_W, strict=True))
    return _Seen(saved.stack(), before_W, after_W), final


def _backward(
    waves: Waves, weights: CellWeights, seen: _Seen, d_h_WBS: tf.Tensor, d_final: State
) -> tuple[tf.Tensor, tf.Tensor, State]:
    """The gradients of the projected inputs, of the first layer's inputs and of the first state."""
    arrays = tf.nest.map_structure(
        lambda tensor: tf.TensorArray(tensor.dtype, waves.count).unstack(tensor), (seen, d_h_WBS)
    )
    masks, layers, units = waves.masks(), len(waves.cells), waves.cell.units

    def one_wave(
        w: tf.Tensor, d_state: State, d_z: tf.TensorArray, d_x: tf.TensorArray
    ) -> tuple[tf.Tensor, State, tf.TensorArray, tf.TensorArray]:
        (saved, before, after), d_h_BS = tf.nest.map_structure(lambda array: array.read(w), arrays)
        active_LB1 = waves.active_LB1(w)
        d_top_LBS = tf.pad(d_h_BS[None], [(layers - 1, 0), (0, 0), (0, 0)])
        d_state = (d_state[0] + d_top_LBS, *d_state[1:])
        d_z_LBG, d_before = waves.cell.recur_back(weights, saved, before, after, d_state)
        d_z_LBG = tf.where(active_LB1, d_z_LBG, 0)
        d_before = keep_ended(active_LB1, d_before, d_state)
        d_x_LBI = back_product(d_z_LBG, weights.kernel_IG, waves.cell.precision)
        d_up_LBS = d_x_LBI[1:, :, :units] if masks is None else d_x_LBI[1:, :, :units] * masks[w]
        if layers > 1:
            d_before = (d_before[0] + tf.pad(d_up_LBS, [(0, 1), (0, 0), (0, 0)]), *d_before[1:])
        return w - 1, d_before, d_z.write(w, d_z_LBG), d_x.write(w, d_x_LBI[:1])

    _, d_state, d_z, d_x = tf.while_loop(
        lambda w, *_: w >= 0,
        one_wave,
        (
            tf.convert_to_tensor(waves.count - 1),
            d_final,
            tf.TensorArray(d_h_WBS.dtype, waves.count),
            tf.TensorArray(d_h_WBS.dtype, waves.count),
        ),
        maximum_iterations=waves.count,
    )
    return d_z.stack(), d_x.stack(), d_state
