"""Gated recurrent unit (Cho et al. 2014), both forms, as Keras defines them.

Gate order z (update), r (reset), n (candidate); z = σ(…) keeps the old state:

    z, r = σ(x W_zr + b_zr + h U_zr + d_zr)
    reset before:  n = tanh(x W_n + b_n + (r · h) U_n)
    reset after:   n = tanh(x W_n + b_n + r · (h U_n + d_n))
    h' = z · h + (1 - z) · n

`reset_after` is cuDNN's form, with a second bias d for the recurrent product; the form before it (the paper's) has
none. The paper's equation 7 swaps the roles of z and 1 - z. Other activations may take the place of σ and tanh.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, Jacobian, State
from echo_rnn.core.cells.product import back_product, bias_gradient, product, weight_gradient
from echo_rnn.core.cells.standard import StandardCell


@dataclass(frozen=True)
class Gru(StandardCell):
    """A GRU layer; its state is `(h_BS,)`, its bias `[2, 3·S]` (input, recurrent) with `reset_after`, else `[3·S]`.

    Attributes:
        reset_after: Whether the reset gate is applied after the recurrent product.
    """

    reset_after: bool = field(kw_only=True)

    gates: ClassVar[int] = 3

    def initial_bias(self) -> tf.Tensor:
        """Zeros."""
        return tf.zeros((2, 3 * self.units) if self.reset_after else (3 * self.units,))

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`."""
        z = product(x, weights.kernel_IG, self.precision)
        return z + (weights.bias[0] if self.reset_after else weights.bias)

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        (h_BS,), _ = self.forward_with_residuals(weights, z_BG, state)
        return h_BS, (h_BS,)

    def forward_with_residuals(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """See `ManualGradientCell`; residuals are z, r, n and, with `reset_after`, n's recurrent product."""
        (h_BS,) = state
        x_z, x_r, x_n = tf.split(z_BG, 3, axis=self.axis)
        if self.reset_after:
            h_BG = product(h_BS, weights.recurrent_SG, self.precision) + weights.bias[1]
            h_z, h_r, h_n = tf.split(h_BG, 3, axis=self.axis)
            z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
            n = self.activation(x_n + r * h_n)
            residuals = [z, r, n, h_n]
        else:
            zr_SG, n_SS = self._halves(weights)
            h_z, h_r = tf.split(product(h_BS, zr_SG, self.precision), 2, axis=self.axis)
            z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
            n = self.activation(x_n + product(r * h_BS, n_SS, self.precision))
            residuals = [z, r, n]
        return (z * h_BS + (1 - z) * n,), tf.concat(residuals, axis=self.axis)

    def local_jacobian(self, residuals: tf.Tensor, before: State, after: State) -> Jacobian:
        """See `ManualGradientCell`; of z by h', of n by h', of r by what it multiplies, then r and z."""
        (h_BS,) = before
        z, r, n, *rest = tf.split(residuals, 4 if self.reset_after else 3, axis=self.axis)
        reset = rest[0] if self.reset_after else h_BS
        z_by_h = self.recurrent_activation.gradient(h_BS - n, z)
        return z_by_h, self.activation.gradient(1 - z, n), self.recurrent_activation.gradient(reset, r), r, z

    def backward(self, weights: CellWeights, jacobian: Jacobian, d_after: State) -> tuple[tf.Tensor, State]:
        """See `ManualGradientCell`."""
        z_by_h, n_by_h, r_by_reset, r, z = jacobian
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

    def recurrent_gradients(
        self, weights: CellWeights, residuals_T: tf.Tensor, before_T: State, d_z_TBG: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `ManualGradientCell`; the form before has two recurrent products and so two of their gradients."""
        (h_TBS,) = before_T
        r_TBS = tf.split(residuals_T, 4 if self.reset_after else 3, axis=self.axis)[1]
        d_zr, d_n = tf.split(d_z_TBG, [2 * self.units, self.units], axis=self.axis)
        if not self.reset_after:
            pairs = (h_TBS, d_zr), (r_TBS * h_TBS, d_n)
            d_SG = [weight_gradient(x_TBS, d_TBG, self.precision, self.axis) for x_TBS, d_TBG in pairs]
            return tf.concat(d_SG, axis=self.axis), tf.zeros_like(weights.bias)
        d_TBG = tf.concat([d_zr, d_n * r_TBS], axis=self.axis)
        return weight_gradient(h_TBS, d_TBG, self.precision, self.axis), bias_gradient(
            weights.bias, d_TBG, self.axis, row=1
        )

    def _halves(self, weights: CellWeights) -> tuple[tf.Tensor, tf.Tensor]:
        """The recurrent weights of z and r, and those of n."""
        zr_SG, n_SS = tf.split(weights.recurrent_SG, [2 * self.units, self.units], axis=self.axis)
        return zr_SG, n_SS
