"""Tasks: an input series `x`, its target series `y`, and the best accuracy any model can reach.

NumPy only: making data costs no TensorFlow import.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from echo_rnn.tasks.echo import Echo

__all__ = ["CLASSES", "INPUTS", "TASKS", "Echo", "Task"]

INPUTS = 1
"""Input features of every task (I): one bit."""

CLASSES = 2
"""Classes of every task (C): the values of a bit."""


class Task(Protocol):
    """A rule that turns a seed into an input series and its target series, cut into parallel rows.

    A dataclass with fields that are JSON values, which the manifest of a dataset has.
    """

    name: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Number of parallel rows, `B`."""

    def blocks(
        self, seed: np.random.SeedSequence, length: int
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Yields `x_BN` and `y_BN`, flattened in C order to `length` steps, in consecutive blocks of bounded size."""

    def accuracy_ceiling(self, y: NDArray[np.uint8]) -> float:
        """Accuracy on the targets `y_BN` or `y_EBN` of the best predictor that sees one row from a zeroed state."""


TASKS: Mapping[str, type[Task]] = {Echo.name: Echo}
