"""Simple recurrent layer (Elman 1990), as `keras.layers.SimpleRNN`.

h' = tanh(x W + b + h U)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, Slopes, State
from echo_rnn.core.cells.initial import kernels
from echo_rnn.core.cells.product import back_product, bias_gradient, product, weight_gradient


@dataclass(frozen=True)
class Rnn:
    """A simple recurrent layer; its state is `(h_BS,)`.

    Attributes:
        units: State units.
        precision: In which its matrix products are done, or `None` for that of the tensors.
        axis: Where units and gates stand, -1, or -2 in columns; see `echo_rnn.core.cells.cell`.
    """

    units: int
    precision: tf.DType | None = None
    axis: int = -1

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> CellWeights:
        """See `Cell`; the bias is `[S]`."""
        return CellWeights(*kernels(inputs, self.units, 1, seeds), tf.zeros(self.units))

    def zero_state(self, batch: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        return (tf.zeros((batch, self.units), dtype),)

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`."""
        return product(x, weights.kernel_IG, self.precision) + weights.bias

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        h_BS = tf.tanh(z_BG + product(state[0], weights.recurrent_SG, self.precision))
        return h_BS, (h_BS,)

    def recur_saving(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """See `HandCell`; the state after is all that the way back needs, so nothing is saved, `[B, 0]`."""
        h_BS, after = self.recur(weights, z_BG, state)
        return after, h_BS[..., :0]

    def slopes(self, saved: tf.Tensor, before: State, after: State) -> Slopes:
        """See `HandCell`."""
        return (1 - after[0] ** 2,)

    def recur_back(self, weights: CellWeights, slopes: Slopes, d_after: State) -> tuple[tf.Tensor, State]:
        """See `HandCell`."""
        d_z_BG = d_after[0] * slopes[0]
        return d_z_BG, (back_product(d_z_BG, weights.recurrent_SG, self.precision),)

    def recur_gradients(
        self, weights: CellWeights, saved_T: tf.Tensor, before_T: State, d_z_TBG: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `HandCell`."""
        return weight_gradient(before_T[0], d_z_TBG, self.precision, self.axis), tf.zeros_like(weights.bias)

    def project_gradients(self, weights: CellWeights, x_T: tf.Tensor, d_z_T: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `HandCell`."""
        return weight_gradient(x_T, d_z_T, self.precision, self.axis), bias_gradient(weights.bias, d_z_T, self.axis)
