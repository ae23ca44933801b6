"""What a recurrent cell is: the work of one layer at one time step.

A cell holds no weights and no state. Its arithmetic is cut in two, because strategies differ in when they do which
half: `project` does what needs the input alone and can be done for all time steps at once, `recur` does the rest.

The same methods compute several layers of one size at once, in one of two layouts. Stacked: weights, state and inputs
have a leading layer axis (`[L, B, S]`, and `[L, 1, G]` for a bias). In columns: units come first and every row of every
layer is a column X behind them (`[S, X]`), with weights of its own (`[I, G, X]`, and `[G, X]` for a bias); the cells'
`axis` says where units and gates stand, -1 or -2.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

State = tuple[tf.Tensor, ...]
"""What one layer carries to the next time step, each tensor `[B, S]`; the first is its output."""

Slopes = tuple[tf.Tensor, ...]
"""What the gradients that come down are multiplied with on the way back through a step, in an order of the cell's."""

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

    def zero_state(self, batch: int, dtype: tf.DType) -> State:
        """The state before the first time step."""

    def project(self, weights: CellWeights, x: tf.Tensor) -> tf.Tensor:
        """Input `[..., I]` to its share of the gates `[..., G]`, for one time step or for many."""

    def recur(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """One time step from the projected input and the state before to the output `h_BS` and the state after."""


class HandCell(Cell, Protocol):
    """A cell with a backward pass written by hand, in which the weight gradients wait until the loop is over."""

    @property
    def precision(self) -> tf.DType | None:
        """In which its matrix products are done, or `None` for that of the tensors."""

    def recur_saving(self, weights: CellWeights, z_BG: tf.Tensor, state: State) -> tuple[State, tf.Tensor]:
        """`recur`, as the state after and one tensor `[B, …]` of what `slopes` wants besides the states."""

    def slopes(self, saved: tf.Tensor, before: State, after: State) -> Slopes:
        """What `recur_back` multiplies with, for one time step or, with an axis T in front of all, for many at once."""

    def recur_back(self, weights: CellWeights, slopes: Slopes, d_after: State) -> tuple[tf.Tensor, State]:
        """From the gradient of the state after to those of the projected input `d_z_BG` and of the state before."""

    def recur_gradients(
        self, weights: CellWeights, saved_T: tf.Tensor, before_T: State, d_z_TBG: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The gradients of `recurrent_SG` and of `recur`'s share of the bias, for all time steps at once."""

    def project_gradients(self, weights: CellWeights, x_T: tf.Tensor, d_z_T: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The gradients of `kernel_IG` and of `project`'s share of the bias, for all time steps at once."""
