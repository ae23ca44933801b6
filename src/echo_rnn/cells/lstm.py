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

import tensorflow as tf

from echo_rnn.cells.cell import CellWeights, State
from echo_rnn.cells.initial import kernels


@dataclass(frozen=True)
class Lstm:
    """An LSTM layer; its state is `(h_BS, c_BS)`.

    Attributes:
        units: State units.
        forget_bias: Initial value of the forget gate's bias; other biases start at 0.
    """

    units: int
    forget_bias: float

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
        return x @ weights.kernel_IG + weights.bias

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        h_BS, c_BS = state
        i_BS, f_BS, g_BS, o_BS = tf.split(z_BG + h_BS @ weights.recurrent_SG, 4, axis=-1)
        c_BS = tf.sigmoid(f_BS) * c_BS + tf.sigmoid(i_BS) * tf.tanh(g_BS)
        h_BS = tf.sigmoid(o_BS) * tf.tanh(c_BS)
        return h_BS, (h_BS, c_BS)
