"""Deferred weight gradients: one layer after the other, each with its products over all time steps at once.

    for l in 0 … L-1:
        z_TBG = x_TBI W + b                                  one product over T·B
        for t in 0 … T-1:    state = recur(z[t], state)      only the recurrent product is left in the loop
    backward, for l in L-1 … 0:
        for t in T-1 … 0:    d_z[t], d_state = …             only the gates' gradients are left in the loop
        d_W = xᵀ d_z,  d_U = hᵀ d_z                          one product each over T·B

Automatic differentiation of a loop adds up a weight gradient at each step; here it is one large product, which a
matrix library computes at full speed. Stored for the backward pass, for each (layer, step, batch row): not the
projected input, but the gates and the state, 4·S and 2·S for an LSTM (GRU 4·S or 3·S and S, simple S), and during a
layer's backward pass its local Jacobian, 6·S (5·S, S), and its G values d_z. Graph size, tracing time and compile time
do not depend on T and grow linearly in L. A second derivative is TensorFlow's own, of the loops written here.

Sources: Appleyard et al. 2016, "Optimizing Performance of Recurrent Neural Networks on GPUs" (cuDNN), sections 3.1
and 3.2; Haste (lmnt-com/haste).
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, Jacobian, ManualGradientCell, StackState, State
from echo_rnn.core.cells.product import back_product
from echo_rnn.core.unroll.scan import reader, scan
from echo_rnn.core.unroll.window import Window, keep_ended, states_before


def deferred(
    cells: Sequence[ManualGradientCell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    h_TBS = window.x_TBI
    after = []
    for index, (cell, cell_weights, before) in enumerate(zip(cells, weights, state, strict=True)):
        h_TBS, layer_state = _layer(cell, cell_weights, window, h_TBS, before)
        after.append(layer_state)
        if index < len(window.masks):
            h_TBS = h_TBS * tf.stop_gradient(window.masks[index])
    return window.outputs(h_TBS), tuple(after)


def _layer(
    cell: ManualGradientCell, weights: CellWeights, window: Window, x_TBI: tf.Tensor, state: State
) -> tuple[tf.Tensor, State]:
    """All time steps of one layer, from its input to `h_TBS` and the state after them."""

    def run(
        x_TBI: tf.Tensor, weights: CellWeights, state: State
    ) -> tuple[tuple[tf.Tensor, State], Callable[..., tuple[tf.Tensor, CellWeights, State]]]:
        states_T, residuals_T, final = _forward(cell, weights, window, cell.project(weights, x_TBI), state)

        def gradients(d_h_TBS: tf.Tensor, *d_final: tf.Tensor) -> tuple[tf.Tensor, CellWeights, State]:
            before_T = states_before(state, states_T)
            jacobian_T = cell.local_jacobian(residuals_T, before_T, states_T)
            d_z_TBG, d_state = _backward(cell, weights, window, jacobian_T, (d_h_TBS, d_final))
            d_kernel_IG, d_bias = cell.input_gradients(weights, x_TBI, d_z_TBG)
            d_recurrent_SG, d_bias_too = cell.recurrent_gradients(weights, residuals_T, before_T, d_z_TBG)
            d_x_TBI = back_product(d_z_TBG, weights.kernel_IG, cell.precision)
            return d_x_TBI, CellWeights(d_kernel_IG, d_recurrent_SG, d_bias + d_bias_too), d_state

        return (states_T[0], final), gradients

    h_TBS, after = tf.custom_gradient(run)(x_TBI, weights, state)
    return h_TBS, after


def _forward(
    cell: ManualGradientCell, weights: CellWeights, window: Window, z_TBG: tf.Tensor, state: State
) -> tuple[State, tf.Tensor, State]:
    """The states after each step, the residuals of each step, and the final state."""
    read_z = reader(z_TBG, window.steps)

    def one_step(t: tf.Tensor, state: State) -> tuple[State, list[tf.Tensor]]:
        after, residuals = cell.forward_with_residuals(weights, read_z(t), state)
        after = keep_ended(window.active_B1(t), after, state)
        return after, [*after, residuals]

    arrays = [*(window.writer(cell.units) for _ in state), tf.TensorArray(z_TBG.dtype, window.steps)]
    final, (*states_T, residuals_T) = scan(one_step, state, arrays, window.steps)
    return tuple(states_T), residuals_T, final


def _backward(
    cell: ManualGradientCell,
    weights: CellWeights,
    window: Window,
    jacobian_T: Jacobian,
    d: tuple[tf.Tensor, State],
) -> tuple[tf.Tensor, State]:
    """From the gradients of all outputs and of the final state to those of all projected inputs and of the first."""
    d_h_TBS, d_final = d
    # Each step takes the product with the transpose, and would transpose anew; of one made here it undoes a transpose.
    recurrent_GS = tf.transpose(weights.recurrent_SG)
    read = reader((jacobian_T, d_h_TBS), window.steps)

    def one_step(t: tf.Tensor, d_state: State) -> tuple[State, list[tf.Tensor]]:
        jacobian, d_h_BS = read(t)
        active_B1 = window.active_B1(t)
        d_state = (d_state[0] + d_h_BS, *d_state[1:])
        own = weights._replace(recurrent_SG=tf.transpose(recurrent_GS))
        d_z_BG, d_before = cell.backward(own, jacobian, d_state)
        if active_B1 is not None:
            d_z_BG = tf.where(active_B1, d_z_BG, 0)
        return keep_ended(active_B1, d_before, d_state), [d_z_BG]

    array = tf.TensorArray(d_h_TBS.dtype, window.steps)
    d_state, (d_z_TBG,) = scan(one_step, d_final, [array], window.steps, backward=True)
    return d_z_TBG, d_state
