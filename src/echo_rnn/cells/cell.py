"""What a recurrent cell is: the work of one layer at one time step.

A cell holds no weights and no state. Its arithmetic is cut in two, because strategies differ in when they do which
half: `project` does what needs the input alone and can be done for all time steps at once, `recur` does the rest.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

State = tuple[tf.Tensor, ...]
"""What one layer carries to the next time step, each tensor `[B, S]`."""

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


def step_stack(
    cells: Sequence[Cell], weights: Sequence[CellWeights], x_BI: tf.Tensor, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """One time step through all layers.

    Returns:
        The last layer's output `h_BS` and the state of every layer.
    """
    after = []
    h = x_BI
    for cell, cell_weights, before in zip(cells, weights, state, strict=True):
        h, cell_state = cell.recur(cell_weights, cell.project(cell_weights, h), before)
        after.append(cell_state)
    return h, tuple(after)
