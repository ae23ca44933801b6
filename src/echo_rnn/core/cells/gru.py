"""Gated recurrent unit (Cho et al. 2014), both forms, as Keras defines them.

Gate order z (update), r (reset), n (candidate); z = σ(…) keeps the old state:

    z, r = σ(x W_zr + b_zr + h U_zr + d_zr)
    reset before:  n = tanh(x W_n + b_n + (r · h) U_n)
    reset after:   n = tanh(x W_n + b_n + r · (h U_n + d_n))
    h' = z · h + (1 - z) · n

`reset_after` is cuDNN's form, with a second bias d for the recurrent product; the form before it (the paper's) has
none. The paper's equation 7 swaps the roles of z and 1 - z.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, Slopes, State
from echo_rnn.core.cells.initial import kernels
from echo_rnn.core.cells.product import back_product, bias_gradient, product, weight_gradient


@dataclass(frozen=True)
class Gru:
    """A GRU layer; its state is `(h_BS,)`.

    Attributes:
        units: State units.
        reset_after: Whether the reset gate is applied after the recurrent product.
        precision: In which its matrix products are done, or `None` for that of the tensors.
        axis: Where units and gates stand, -1, or -2 in columns; see `echo_rnn.core.cells.cell`.
    """

    units: int
    reset_after: bool
    precision: tf.DType | None = None
    axis: int = -1

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> CellWeights:
        """See `Cell`; the bias is `[2, 3·S]` (input, recurrent) with `reset_after`, else `[3·S]`."""
        shape = (2, 3 * self.units) if self.reset_after else (3 * self.units,)
        return CellWeights(*kernels(inputs, self.units, 3, seeds), tf.zeros(shape))

    def zero_state(self, batch: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        return (tf.zeros((batch, self.units), dtype),)

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`."""
        z = product(x, weights.kernel_IG, self.precision)
        return z + (weights.bias[0] if self.reset_after else weights.bias)

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        (h_BS,), _ = self.recur_saving(weights, z_BG, state)
        return h_BS, (h_BS,)

    def recur_saving(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """See `HandCell`; saved are z, r, n and, with `reset_after`, the recurrent product of n, `[B, 3·S or 4·S]`."""
        (h_BS,) = state
        x_z, x_r, x_n = tf.split(z_BG, 3, axis=self.axis)
        if self.reset_after:
            h_BG = product(h_BS, weights.recurrent_SG, self.precision) + weights.bias[1]
            h_z, h_r, h_n = tf.split(h_BG, 3, axis=self.axis)
            z, r = tf.sigmoid(x_z + h_z), tf.sigmoid(x_r + h_r)
            n = tf.tanh(x_n + r * h_n)
            saved = [z, r, n, h_n]
        else:
            zr_SG, n_SS = self._halves(weights)
            h_z, h_r = tf.split(product(h_BS, zr_SG, self.precision), 2, axis=self.axis)
            z, r = tf.sigmoid(x_z + h_z), tf.sigmoid(x_r + h_r)
            n = tf.tanh(x_n + product(r * h_BS, n_SS, self.precision))
            saved = [z, r, n]
        return (z * h_BS + (1 - z) * n,), tf.concat(saved, axis=self.axis)

    def slopes(self, saved: tf.Tensor, before: State, after: State) -> Slopes:
        """See `HandCell`; of z by h', of n by h', of r by what it multiplies, then r and z."""
        (h_BS,) = before
        z, r, n, *rest = tf.split(saved, 4 if self.reset_after else 3, axis=self.axis)
        reset = rest[0] if self.reset_after else h_BS
        return (h_BS - n) * z * (1 - z), (1 - z) * (1 - n**2), reset * r * (1 - r), r, z

    def recur_back(self, weights: CellWeights, slopes: Slopes, d_after: State) -> tuple[tf.Tensor, State]:
        """See `HandCell`."""
        z_by_h, n_by_h, r_by_reset, r, z = slopes
        (d_h,) = d_after
        d_z, d_n = d_h * z_by_h, d_h * n_by_h
        if self.reset_after:
            d_r = d_n * r_by_reset
            d_BG = tf.concat([d_z, d_r, d_n * r], axis=self.axis)
            d_before = back_product(d_BG, weights.recurrent_SG, self.precision)
        else:
            zr_SG, n_SS = self._halves(weights)
            d_rh = back_product(d_n, n_SS, self.precision)
            d_r = d_rh * r_by_reset
            d_before = d_rh * r + back_product(tf.concat([d_z, d_r], axis=self.axis), zr_SG, self.precision)
        return tf.concat([d_z, d_r, d_n], axis=self.axis), (d_h * z + d_before,)

    def recur_gradients(
        self, weights: CellWeights, saved_T: tf.Tensor, before_T: State, d_z_TBG: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `HandCell`; the form before has two recurrent products and so two of their gradients."""
        (h_TBS,) = before_T
        r_TBS = tf.split(saved_T, 4 if self.reset_after else 3, axis=self.axis)[1]
        d_zr, d_n = tf.split(d_z_TBG, [2 * self.units, self.units], axis=self.axis)
        if not self.reset_after:
            pairs = (h_TBS, d_zr), (r_TBS * h_TBS, d_n)
            d_SG = [weight_gradient(x_TBS, d_TBG, self.precision, self.axis) for x_TBS, d_TBG in pairs]
            return tf.concat(d_SG, axis=self.axis), tf.zeros_like(weights.bias)
        d_TBG = tf.concat([d_zr, d_n * r_TBS], axis=self.axis)
        return weight_gradient(h_TBS, d_TBG, self.precision, self.axis), bias_gradient(
            weights.bias, d_TBG, self.axis, row=1
        )

    def project_gradients(self, weights: CellWeights, x_T: tf.Tensor, d_z_T: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `HandCell`."""
        return weight_gradient(x_T, d_z_T, self.precision, self.axis), bias_gradient(weights.bias, d_z_T, self.axis)

    def _halves(self, weights: CellWeights) -> tuple[tf.Tensor, tf.Tensor]:
        """The recurrent weights of z and r, and those of n."""
        zr_SG, n_SS = tf.split(weights.recurrent_SG, [2 * self.units, self.units], axis=self.axis)
        return zr_SG, n_SS
