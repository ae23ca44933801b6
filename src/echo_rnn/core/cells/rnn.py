"""Simple recurrent layer (Elman 1990), as `keras.layers.SimpleRNN`.

h' = tanh(x W + b + h U), or another activation
"""

from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, Jacobian, State
from echo_rnn.core.cells.product import back_product, product
from echo_rnn.core.cells.standard import StandardCell


@dataclass(frozen=True)
class Rnn(StandardCell):
    """A simple recurrent layer; its state is `(h_BS,)`, its bias `[S]`."""

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        h_BS = self.activation(z_BG + product(state[0], weights.recurrent_SG, self.precision))
        return h_BS, (h_BS,)

    def forward_with_residuals(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """See `ManualGradientCell`; the backward pass needs the state after alone, so the residuals are `[B, 0]`."""
        h_BS, after = self.recur(weights, z_BG, state)
        return after, h_BS[..., :0]

    def local_jacobian(self, residuals: tf.Tensor, before: State, after: State) -> Jacobian:
        """See `ManualGradientCell`."""
        return (self.activation.gradient(tf.ones_like(after[0]), after[0]),)

    def backward(self, weights: CellWeights, jacobian: Jacobian, d_after: State) -> tuple[tf.Tensor, State]:
        """See `ManualGradientCell`."""
        d_z_BG = d_after[0] * jacobian[0]
        return d_z_BG, (back_product(d_z_BG, weights.recurrent_SG, self.precision),)
