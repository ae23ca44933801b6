"""What a task is: a rule that turns a seed into an input series and its target series, cut into parallel rows."""

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from echo_rnn.tasks.ends import Ends

Block = tuple[NDArray[Any], NDArray[Any]]
"""Consecutive steps: inputs `[n, I]` (or `[n]` for one) and targets `[n]` of classes or `[n, K]` of real numbers."""


class Task(Protocol):
    """A dataclass; its fields are the options in the table of tasks, and `rows`.

    Attributes:
        name: Its name in the configuration.
        fresh: Whether each epoch of training has a series of its own, or all have the same.
        gaps: Whether there are steps without a target; see `echo_rnn.core.windows.counting`.
        x_dtype: Of stored inputs.
        y_dtype: Of stored targets.
    """

    name: ClassVar[str]
    fresh: ClassVar[bool]
    gaps: ClassVar[bool]
    x_dtype: ClassVar[DTypeLike]
    y_dtype: ClassVar[DTypeLike]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Number of parallel rows, `B`."""

    @property
    def ends(self) -> Ends:
        """What a network for it reads and predicts."""

    @property
    def chance(self) -> float | None:
        """Score of the best guess that ignores the input; `None` where none is known.

        The accuracy for classes, the mean squared error of scaled targets for real ones.
        """

    def blocks(self, seed: np.random.SeedSequence, length: int) -> Iterator[Block]:
        """Yields the rows of a series, flattened in C order to `length` steps, in blocks of bounded size."""

    def accuracy_ceiling(self, y: NDArray[Any]) -> float | None:
        """Accuracy on the targets `y_BN` or `y_EBN` of the best predictor that sees one row from a zeroed state.

        `None` for real targets.
        """
