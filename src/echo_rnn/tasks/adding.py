"""The adding problem: the sum of two marked numbers, told at the end of each sequence; a test of long memory.

Inputs are a uniform number between 0 and 1, and a mark. In each sequence one step of the first half and one of the
second half are marked. The target of its last step is the sum of the two marked numbers; other steps have none.
Sequences follow each other without a reset.

Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", experiment 4, with one mark in each half as in
Arjovsky et al. 2016.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.scaling import Scaling
from echo_rnn.tasks.sequences import sequence_blocks
from echo_rnn.tasks.task import Block


@dataclass(frozen=True)
class Adding:
    """Sequences of `sequence_steps` steps; each row begins with a new one."""

    name: ClassVar[str] = "adding"
    fresh: ClassVar[bool] = True
    gaps: ClassVar[bool] = True
    x_dtype: ClassVar[DTypeLike] = np.float32
    y_dtype: ClassVar[DTypeLike] = np.float32

    sequence_steps: int
    rows: int

    @property
    def ends(self) -> Ends:
        """A number and a mark in, a sum out."""
        return Ends("real", 2, 1, Scaling.identity(2, 1), ("number", "mark"), ("sum",))

    @property
    def chance(self) -> float:
        """The variance of the sum of two numbers, which a constant guess of 1 leaves."""
        return 1 / 6

    def blocks(self, seed: np.random.SeedSequence, length: int) -> Iterator[Block]:
        """See `Task`."""
        return sequence_blocks(self._sequences, self.sequence_steps, seed, length, self.rows)

    def accuracy_ceiling(self, y: NDArray[Any]) -> None:
        """Sums are no classes."""
        return

    def _sequences(self, generator: np.random.Generator, count: int) -> Block:
        steps, half = self.sequence_steps, max(1, self.sequence_steps // 2)
        x_QTI = np.zeros((count, steps, 2), np.float32)
        x_QTI[..., 0] = generator.random((count, steps), np.float32)
        y_QTK = np.full((count, steps, 1), np.nan, np.float32)
        every = np.arange(count)
        marked = generator.integers(0, half, count), generator.integers(min(half, steps - 1), steps, count)
        for position in marked:
            x_QTI[every, position, 1] = 1
        y_QTK[:, -1, 0] = sum(x_QTI[every, position, 0] for position in marked)
        return x_QTI, y_QTK
