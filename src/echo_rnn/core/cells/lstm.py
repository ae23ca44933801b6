"""Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    z = x W + b + h U                      [B, 4·S], gate order i, f, g, o as in Keras
    i, f, o = σ(z_i), σ(z_f), σ(z_o)
    g = tanh(z_g)
    c' = f · c + i · g
    h' = o · tanh(c')

The article's cell adds a constant forget bias at every step; here it is where the forget gate's bias starts, as in
Keras, which is the same function and the same gradient. No peepholes, no projection. Other activations may take the
place of σ and tanh; what is written for these two saves operations.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, Jacobian, State
from echo_rnn.core.cells.product import back_product, product
from echo_rnn.core.cells.standard import StandardCell


@dataclass(frozen=True)
class Lstm(StandardCell):
    """An LSTM layer; its state is `(h_BS, c_BS)`, its bias `[4·S]`.

    Attributes:
        forget_bias: Initial value of the forget gate's bias; other biases start at 0.
    """

    forget_bias: float = field(kw_only=True)

    gates: ClassVar[int] = 4
    state_parts: ClassVar[int] = 2

    def initial_bias(self) -> tf.Tensor:
        """Zeros, and `forget_bias`."""
        zeros_S = tf.zeros(self.units)
        return tf.concat([zeros_S, zeros_S + self.forget_bias, zeros_S, zeros_S], axis=0)

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        h_BS, c_BS = state
        z_i, z_f, z_g, z_o = tf.split(self._products(weights, z_BG, h_BS), 4, axis=self.axis)
        # One operation for each gate: automatic differentiation stores its result, and would store more of one tanh.
        i, f, o = map(self.recurrent_activation, (z_i, z_f, z_o))
        c_BS = f * c_BS + i * self.activation(z_g)
        h_BS = o * self.activation(c_BS)
        return h_BS, (h_BS, c_BS)

    def forward_with_residuals(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """See `ManualGradientCell`; the residual is the one tanh of which all gates are made, `[B, 4·S]`.

        With other activations it is the gates.
        """
        h_BS, c_BS = state
        if not self.usual:
            return self._unusual_forward(self._products(weights, z_BG, h_BS), c_BS)
        tanh_BG = tf.tanh(self._scale(z_BG.dtype) * self._products(weights, z_BG, h_BS))
        i, f, g, o = self._gates(tanh_BG)
        c_BS = f * c_BS + i * g
        return (o * tf.tanh(c_BS), c_BS), tanh_BG

    def local_jacobian(self, residuals: tf.Tensor, before: State, after: State) -> Jacobian:
        """See `ManualGradientCell`; from h' to c', from c' to i, f, g and c, from h' to o."""
        if not self.usual:
            return self._unusual_jacobian(residuals, before[1], after[1])
        i, f, g, o = self._gates(residuals)
        h = after[0]
        # tanh(c) is h / o, which spares another tanh. Where o is 0, h is 0 too, or this is not used.
        to_c = o - tf.math.divide_no_nan(h * h, o)
        return to_c, g * i * (1 - i), before[1] * f * (1 - f), i * (1 - g**2), f, h * (1 - o)

    def backward(self, weights: CellWeights, jacobian: Jacobian, d_after: State) -> tuple[tf.Tensor, State]:
        """See `ManualGradientCell`."""
        to_c, to_i, to_f, to_g, to_c_before, to_o = jacobian
        d_h, d_c = d_after
        d_c = d_c + d_h * to_c
        d_z_BG = tf.concat([d_c * to_i, d_c * to_f, d_c * to_g, d_h * to_o], axis=self.axis)
        return d_z_BG, (back_product(d_z_BG, weights.recurrent_SG, self.precision), d_c * to_c_before)

    def _unusual_forward(self, z_BG: tf.Tensor, c_BS: tf.Tensor) -> tuple[State, tf.Tensor]:
        z_i, z_f, z_g, z_o = tf.split(z_BG, 4, axis=self.axis)
        i, f, o = map(self.recurrent_activation, (z_i, z_f, z_o))
        g = self.activation(z_g)
        c_BS = f * c_BS + i * g
        return (o * self.activation(c_BS), c_BS), tf.concat([i, f, g, o], axis=self.axis)

    def _unusual_jacobian(self, gates: tf.Tensor, c_before: tf.Tensor, c_after: tf.Tensor) -> Jacobian:
        i, f, g, o = tf.split(gates, 4, axis=self.axis)
        output, of_gate = self.activation(c_after), self.recurrent_activation.gradient
        to_c, to_g = self.activation.gradient(o, output), self.activation.gradient(i, g)
        return to_c, of_gate(g, i), of_gate(c_before, f), to_g, f, of_gate(output, o)

    def _products(self, weights: CellWeights, z_BG: tf.Tensor, h_BS: tf.Tensor) -> tf.Tensor:
        return z_BG + product(h_BS, weights.recurrent_SG, self.precision)

    def _gates(self, tanh_BG: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """The gates i, f, g, o, each `[B, S]`."""
        i, f, g, o = tf.split(tanh_BG, 4, axis=self.axis)
        i, f, o = (0.5 + 0.5 * part for part in (i, f, o))
        return i, f, g, o

    def _scale(self, dtype: tf.DType) -> tf.Tensor:
        """The factors that let one tanh compute all gates: σ(z) = ½ + ½ tanh(z / 2)."""
        scale_G = np.repeat([0.5, 0.5, 1.0, 0.5], self.units)
        return tf.constant(scale_G if self.axis == -1 else scale_G[:, None], dtype)
