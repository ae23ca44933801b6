"""The copy problem: repeat a few symbols after a delay; a test of long memory.

A sequence is: `copied` random symbols, `delay` blanks, a mark, and `copied` blanks, at which the symbols are to be said
in order. Until then the target is the blank. Inputs are one-hot: the blank, the mark, then the symbols.

Source: Hochreiter and Schmidhuber 1997, "Long short-term memory"; in this form Arjovsky, Shah and Bengio 2016, "Unitary
evolution recurrent neural networks", section 5.1.
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

_BLANK, _MARK, _FIRST = 0, 1, 2


@dataclass(frozen=True)
class Copy:
    """Sequences follow each other without a reset; each row begins with a new one."""

    name: ClassVar[str] = "copy"
    fresh: ClassVar[bool] = True
    gaps: ClassVar[bool] = False
    x_dtype: ClassVar[DTypeLike] = np.uint8
    y_dtype: ClassVar[DTypeLike] = np.uint8

    symbols: int
    copied: int
    delay: int
    rows: int

    @property
    def ends(self) -> Ends:
        """Blank, mark and symbols in; blank and symbols out."""
        names = ("blank", "mark", *(f"symbol {number}" for number in range(self.symbols)))
        return Ends("classes", self.symbols + 2, self.symbols + 1, Scaling.identity(len(names), 0), names, ("copy",))

    @property
    def span(self) -> int:
        """Steps of a sequence."""
        return self.delay + 2 * self.copied + 1

    @property
    def chance(self) -> float:
        """Accuracy of blanks until the mark, and a random symbol after it."""
        return 1 - self.copied * (1 - 1 / self.symbols) / self.span

    def blocks(self, seed: np.random.SeedSequence, length: int) -> Iterator[Block]:
        """See `Task`."""
        return sequence_blocks(self._sequences, self.span, seed, length, self.rows)

    def accuracy_ceiling(self, y: NDArray[Any]) -> float:
        """All can be known."""
        return 1.0

    def _sequences(self, generator: np.random.Generator, count: int) -> Block:
        symbols = generator.integers(0, self.symbols, (count, self.copied))
        tokens = np.full((count, self.span), _BLANK)
        tokens[:, : self.copied] = _FIRST + symbols
        tokens[:, self.copied + self.delay] = _MARK
        y = np.zeros((count, self.span), np.uint8)
        y[:, -self.copied :] = 1 + symbols
        return np.eye(self.symbols + 2, dtype=np.uint8)[tokens], y
