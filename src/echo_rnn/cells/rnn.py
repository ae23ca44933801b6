"""Simple recurrent layer (Elman 1990), as `keras.layers.SimpleRNN`.

h' = tanh(x W + b + h U)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.cells.cell import CellWeights, State
from echo_rnn.cells.initial import kernels


@dataclass(frozen=True)
class Rnn:
    """A simple recurrent layer; its state is `(h_BS,)`.

    Attributes:
        units: State units.
    """

    units: int

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> CellWeights:
        """See `Cell`; the bias is `[S]`."""
        return CellWeights(*kernels(inputs, self.units, 1, seeds), tf.zeros(self.units))

    def zero_state(self, batch: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        return (tf.zeros((batch, self.units), dtype),)

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`."""
        return x @ weights.kernel_IG + weights.bias

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        h_BS = tf.tanh(z_BG + state[0] @ weights.recurrent_SG)
        return h_BS, (h_BS,)
