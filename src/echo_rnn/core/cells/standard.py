"""What the LSTM, the GRU and the simple layer share: weights as in Keras's own layers, and one product per weight."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import keras
import tensorflow as tf

from echo_rnn.core.cells.activation import SIGMOID, TANH, Activation
from echo_rnn.core.cells.cell import CellWeights, State
from echo_rnn.core.cells.product import bias_gradient, product, weight_gradient


@dataclass(frozen=True)
class StandardCell:
    """The part of a `ManualGradientCell` that does not depend on the equations of its step.

    Attributes:
        units: State units.
        precision: The dtype of its matrix products, or `None` for that of the tensors.
        axis: The axis of units and gates: -1, or -2 in columns; see `echo_rnn.core.cells.cell`.
        activation: Of the candidate and, in an LSTM, of the output.
        recurrent_activation: Of the gates; a simple layer has none.
    """

    units: int
    precision: tf.DType | None = None
    axis: int = -1
    activation: Activation = field(default=TANH, kw_only=True)
    recurrent_activation: Activation = field(default=SIGMOID, kw_only=True)

    gates: ClassVar[int] = 1
    state_parts: ClassVar[int] = 1

    @property
    def usual(self) -> bool:
        """Whether its activations are tanh and sigmoid."""
        return self.activation == TANH and self.recurrent_activation == SIGMOID

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> CellWeights:
        """See `Cell`; Glorot-uniform input weights, orthogonal recurrent weights."""
        kernel_seed, recurrent_seed = seeds
        width = self.gates * self.units
        kernel_IG = keras.initializers.GlorotUniform(kernel_seed)((inputs, width))
        recurrent_SG = keras.initializers.Orthogonal(seed=recurrent_seed)((self.units, width))
        return CellWeights(kernel_IG, recurrent_SG, self.initial_bias())

    def initial_bias(self) -> tf.Tensor:
        """Zeros."""
        return tf.zeros(self.gates * self.units)

    def zero_state(self, batch_size: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        return tuple(tf.zeros((batch_size, self.units), dtype) for _ in range(self.state_parts))

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`."""
        return product(x, weights.kernel_IG, self.precision) + weights.bias

    def recurrent_gradients(
        self, weights: CellWeights, residuals_T: tf.Tensor, before_T: State, d_z_TBG: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `ManualGradientCell`."""
        return weight_gradient(before_T[0], d_z_TBG, self.precision, self.axis), tf.zeros_like(weights.bias)

    def input_gradients(self, weights: CellWeights, x_T: tf.Tensor, d_z_T: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `ManualGradientCell`."""
        return weight_gradient(x_T, d_z_T, self.precision, self.axis), bias_gradient(weights.bias, d_z_T, self.axis)
