"""Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    z = x W + b + h U                      [B, 4·S], gate order i, f, g, o as in Keras
    i, f, o = σ(z_i), σ(z_f), σ(z_o)
    g = tanh(z_g)
    c' = f · c + i · g
    h' = o · tanh(c')

The article's cell adds a constant forget bias at every step; here it is where the forget gate's bias starts, as in
Keras, which is the same function and the same gradient. No peepholes, no projection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, Slopes, State
from echo_rnn.core.cells.initial import kernels
from echo_rnn.core.cells.product import back_product, bias_gradient, product, weight_gradient


@dataclass(frozen=True)
class Lstm:
    """An LSTM layer; its state is `(h_BS, c_BS)`.

    Attributes:
        units: State units.
        forget_bias: Initial value of the forget gate's bias; other biases start at 0.
        precision: In which its matrix products are done, or `None` for that of the tensors.
        axis: Where units and gates stand, -1, or -2 in columns; see `echo_rnn.core.cells.cell`.
    """

    units: int
    forget_bias: float
    precision: tf.DType | None = None
    axis: int = -1

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> CellWeights:
        """See `Cell`; the bias is `[4·S]`."""
        zeros_S = tf.zeros(self.units)
        bias_G = tf.concat([zeros_S, zeros_S + self.forget_bias, zeros_S, zeros_S], axis=0)
        return CellWeights(*kernels(inputs, self.units, 4, seeds), bias_G)

    def zero_state(self, batch: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        return tf.zeros((batch, self.units), dtype), tf.zeros((batch, self.units), dtype)

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`."""
        return product(x, weights.kernel_IG, self.precision) + weights.bias

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        h_BS, c_BS = state
        z_i, z_f, z_g, z_o = tf.split(self._products(weights, z_BG, h_BS), 4, axis=self.axis)
        # One operation for each gate: automatic differentiation stores its result, and would store more of one tanh.
        i, f, g, o = tf.sigmoid(z_i), tf.sigmoid(z_f), tf.tanh(z_g), tf.sigmoid(z_o)
        c_BS = f * c_BS + i * g
        h_BS = o * tf.tanh(c_BS)
        return h_BS, (h_BS, c_BS)

    def recur_saving(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """See `HandCell`; saved is the one tanh of which all gates are made, `[B, 4·S]`."""
        h_BS, c_BS = state
        tanh_BG = tf.tanh(self._scale(z_BG.dtype) * self._products(weights, z_BG, h_BS))
        i, f, g, o = self._gates(tanh_BG)
        c_BS = f * c_BS + i * g
        return (o * tf.tanh(c_BS), c_BS), tanh_BG

    def slopes(self, saved: tf.Tensor, before: State, after: State) -> Slopes:
        """See `HandCell`; from h' to c', from c' to i, f, g and c, from h' to o."""
        i, f, g, o = self._gates(saved)
        h = after[0]
        # tanh(c) is h / o, which spares another tanh. Where o is 0, h is, too, or the row has ended and nothing counts.
        to_c = o - tf.math.divide_no_nan(h * h, o)
        return to_c, g * i * (1 - i), before[1] * f * (1 - f), i * (1 - g**2), f, h * (1 - o)

    def recur_back(self, weights: CellWeights, slopes: Slopes, d_after: State) -> tuple[tf.Tensor, State]:
        """See `HandCell`."""
        to_c, to_i, to_f, to_g, to_c_before, to_o = slopes
        d_h, d_c = d_after
        d_c = d_c + d_h * to_c
        d_z_BG = tf.concat([d_c * to_i, d_c * to_f, d_c * to_g, d_h * to_o], axis=self.axis)
        return d_z_BG, (back_product(d_z_BG, weights.recurrent_SG, self.precision), d_c * to_c_before)

    def recur_gradients(
        self, weights: CellWeights, saved_T: tf.Tensor, before_T: State, d_z_TBG: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `HandCell`."""
        return weight_gradient(before_T[0], d_z_TBG, self.precision, self.axis), tf.zeros_like(weights.bias)

    def project_gradients(self, weights: CellWeights, x_T: tf.Tensor, d_z_T: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `HandCell`."""
        return weight_gradient(x_T, d_z_T, self.precision, self.axis), bias_gradient(weights.bias, d_z_T, self.axis)

    def _products(self, weights: CellWeights, z_BG: tf.Tensor, h_BS: tf.Tensor) -> tf.Tensor:
        return z_BG + product(h_BS, weights.recurrent_SG, self.precision)

    def _gates(self, tanh_BG: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """The gates i, f, g, o, each `[B, S]`."""
        i, f, g, o = tf.split(tanh_BG, 4, axis=self.axis)
        i, f, o = (0.5 + 0.5 * part for part in (i, f, o))
        return i, f, g, o

    def _scale(self, dtype: tf.DType) -> tf.Tensor:
        """With which one tanh computes all gates: σ(z) = ½ + ½ tanh(z / 2)."""
        scale_G = np.repeat([0.5, 0.5, 1.0, 0.5], self.units)
        return tf.constant(scale_G if self.axis == -1 else scale_G[:, None], dtype)
