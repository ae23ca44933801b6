"""What a recurrent cell is: the work of one layer at one time step.

A cell holds no weights and no state. Its arithmetic has two parts, because strategies run them at different times:
`project` needs the input alone and can be done for all time steps at once, `recur` does the rest.

The same methods compute several layers of one size at once, in one of two layouts. Stacked: weights, state and inputs
have a leading layer axis (`[L, B, S]`, and `[L, 1, G]` for a bias). In columns: units come first and every batch row of
every layer is a column X behind them (`[S, X]`), with its own copy of the weights (`[I, G, X]`, and `[G, X]` for a
bias); the cells' `axis` is that of units and gates, -1 or -2.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

State = tuple[tf.Tensor, ...]
"""What one layer carries to the next time step, each tensor `[B, S]`; the first is its output."""

Jacobian = tuple[tf.Tensor, ...]
"""The local Jacobian of a step: the factors of the incoming gradients in its backward pass, in the cell's order."""

StackState = tuple[State, ...]
"""The states of all layers, from the input upwards."""


class CellWeights(NamedTuple):
    """The weights of one layer, in the order, layout and gate order of Keras's own layers.

    Attributes:
        kernel_IG: Input weights.
        recurrent_SG: Recurrent weights.
        bias: `[G]`; a cell may need `[2, G]`.
    """

    kernel_IG: tf.Tensor
    recurrent_SG: tf.Tensor
    bias: tf.Tensor


class Cell(Protocol):
    """One kind of layer with its size `units`."""

    @property
    def units(self) -> int:
        """State units of the layer (S)."""

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> CellWeights:
        """Fresh weights for `inputs` features; the same two `seeds` give the same weights."""

    def zero_state(self, batch_size: int, dtype: tf.DType) -> State:
        """The state before the first time step."""

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """Input `[..., I]` to its share of the gates `[..., G]`, for one time step or for many."""

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """One time step from the projected input and the state before to the output `h_BS` and the state after."""


class ManualGradientCell(Cell, Protocol):
    """A cell with a manual gradient: its weight gradients are computed for all time steps at once, after the loop."""

    @property
    def precision(self) -> tf.DType | None:
        """The dtype of its matrix products, or `None` for that of the tensors."""

    def forward_with_residuals(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """`recur`, as the state after and one tensor `[B, …]` of what `local_jacobian` needs besides the states."""

    def local_jacobian(self, residuals: tf.Tensor, before: State, after: State) -> Jacobian:
        """The factors in `backward`, for one time step or, with an axis T in front of all, for many at once."""

    def backward(self, weights: CellWeights, jacobian: Jacobian, d_after: State) -> tuple[tf.Tensor, State]:
        """From the gradient of the state after to those of the projected input `d_z_BG` and of the state before."""

    def recurrent_gradients(
        self, weights: CellWeights, residuals_T: tf.Tensor, before_T: State, d_z_TBG: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The gradients of `recurrent_SG` and of `recur`'s share of the bias, for all time steps at once."""

    def input_gradients(self, weights: CellWeights, x_T: tf.Tensor, d_z_T: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The gradients of `kernel_IG` and of `project`'s share of the bias, for all time steps at once."""
