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

from echo_rnn.cells.cell import CellWeights, State
from echo_rnn.cells.initial import kernels


@dataclass(frozen=True)
class Gru:
    """A GRU layer; its state is `(h_BS,)`.

    Attributes:
        units: State units.
        reset_after: Whether the reset gate is applied after the recurrent product.
    """

    units: int
    reset_after: bool

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> CellWeights:
        """See `Cell`; the bias is `[2, 3·S]` (input, recurrent) with `reset_after`, else `[3·S]`."""
        shape = (2, 3 * self.units) if self.reset_after else (3 * self.units,)
        return CellWeights(*kernels(inputs, self.units, 3, seeds), tf.zeros(shape))

    def zero_state(self, batch: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        return (tf.zeros((batch, self.units), dtype),)

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`."""
        return x @ weights.kernel_IG + (weights.bias[0] if self.reset_after else weights.bias)

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        (h_BS,) = state
        xz_BS, xr_BS, xn_BS = tf.split(z_BG, 3, axis=-1)
        if self.reset_after:
            hz_BS, hr_BS, hn_BS = tf.split(h_BS @ weights.recurrent_SG + weights.bias[1], 3, axis=-1)
            n_BS = tf.tanh(xn_BS + tf.sigmoid(xr_BS + hr_BS) * hn_BS)
        else:
            zr_SG, n_SS = tf.split(weights.recurrent_SG, [2 * self.units, self.units], axis=-1)
            hz_BS, hr_BS = tf.split(h_BS @ zr_SG, 2, axis=-1)
            n_BS = tf.tanh(xn_BS + (tf.sigmoid(xr_BS + hr_BS) * h_BS) @ n_SS)
        z_BS = tf.sigmoid(xz_BS + hz_BS)
        h_BS = z_BS * h_BS + (1 - z_BS) * n_BS
        return h_BS, (h_BS,)
