"""What an unrolling strategy is.

Its argument is the whole stack of layers, because some orders of work (a wavefront over layers and time) do not run
one layer after the other.
"""

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.window import Window


class Unroll(Protocol):
    """A strategy."""

    def __call__(
        self, cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
    ) -> tuple[tf.Tensor, StackState]:
        """Runs a window through all layers.

        Args:
            cells: The layers, from the input upwards.
            weights: Their weights.
            window: The input of all time steps.
            state: The state of every layer before the window.

        Returns:
            The last layer's outputs `h_TBS`, zero past the end of a row, and the state of every layer after the
            window, that of a row's last step where it ended before.
        """
