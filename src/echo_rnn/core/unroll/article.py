"""The stack of layers as the cell that the article's APIs, `tf.compat.v1.nn`, ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.window import Step, Window, step_stack


@dataclass(frozen=True)
class ArticleCell:
    """What a `MultiRNNCell` was in the article: all layers at one time step.

    Attributes:
        cells: The layers.
        weights: Their weights.
        initial: The state that tells the sizes of all others.
    """

    cells: Sequence[Cell]
    weights: Sequence[CellWeights]
    initial: StackState

    @property
    def state_size(self) -> tuple[tuple[int, ...], ...]:
        """Sizes in the structure of the state."""
        return tuple(tuple(int(part.shape[-1]) for part in layer) for layer in self.initial)

    @property
    def output_size(self) -> int:
        """The last layer's units."""
        return self.cells[-1].units

    def zero_state(self, batch_size: int, dtype: tf.DType) -> StackState:
        """The state before the first time step; never asked for, since an initial state is always given."""
        return tuple(cell.zero_state(batch_size, dtype) for cell in self.cells)

    def __call__(
        self, inputs: tuple[tf.Tensor, ...], state: StackState, scope: object = None
    ) -> tuple[tf.Tensor, StackState]:
        """One time step; ends of rows are the caller's business."""
        x_BI, *masks = inputs
        return step_stack(self.cells, self.weights, Step(x_BI, None, tuple(map(tf.stop_gradient, masks))), state)


def article_arguments(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> dict[str, object]:
    """The arguments that both APIs share."""
    return {
        "cell": ArticleCell(cells, weights, state),
        "initial_state": state,
        "sequence_length": window.lengths_B,
        "dtype": window.x_TBI.dtype,
    }
