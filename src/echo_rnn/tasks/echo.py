"""The echo task: repeat each random input bit `echo_step` steps later.

Source: Erik Hallström, "How to build a Recurrent Neural Network in TensorFlow", parts 1 to 5.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.scaling import Scaling

BLOCK_STEPS = 2**20
_WORD_BITS = 64


@dataclass(frozen=True)
class Echo:
    """Targets are the input shifted by `echo_step`; one series is cut into `rows` rows.

    The shift is made before the cut, as in the source: row `b` starts where row `b - 1` ended, and its first
    `echo_step` targets echo bits at the end of the row before (in row 0 they are 0).
    """

    name: ClassVar[str] = "echo"
    fresh: ClassVar[bool] = True
    gaps: ClassVar[bool] = False
    x_dtype: ClassVar[DTypeLike] = np.uint8
    y_dtype: ClassVar[DTypeLike] = np.uint8

    echo_step: int
    rows: int

    @property
    def ends(self) -> Ends:
        """One bit in, the two values of a bit out."""
        return Ends("classes", 1, 2, Scaling.identity(1, 0), ("bit",), ("echo",))

    @property
    def chance(self) -> float:
        """A fair bit."""
        return 0.5

    def blocks(
        self, seed: np.random.SeedSequence, length: int, block_steps: int = BLOCK_STEPS
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Yields the flat series `x` and `y` in consecutive blocks of `block_steps` steps, the last one shorter.

        The block size bounds the memory and has no influence on the series. `echo_step` may exceed a block or a row.
        """
        for start in range(0, length, block_steps):
            stop = min(start + block_steps, length)
            # The bits are drawn anew at their earlier position, so nothing is carried from block to block.
            echo = _bits(seed, max(start - self.echo_step, 0), max(stop - self.echo_step, 0))
            y = np.zeros(stop - start, np.uint8)
            y[len(y) - len(echo) :] = echo
            yield _bits(seed, start, stop), y

    def series(self, seed: np.random.SeedSequence, length: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One whole series of `length` steps in memory.

        Returns:
            `x_BN` and `y_BN`, uint8 with values 0 and 1, where `N = length / rows`.

        Raises:
            ValueError: `rows` does not divide `length`.
        """
        x_blocks, y_blocks = zip(*self.blocks(seed, length), strict=True)
        return np.concatenate(x_blocks).reshape(self.rows, -1), np.concatenate(y_blocks).reshape(self.rows, -1)

    def accuracy_ceiling(self, y: NDArray[np.uint8]) -> float:
        """Accuracy on all targets `y_BN` or `y_EBN` of the predictor that knows the rule and sees only its own row.

        From a zeroed state it gets every target at `t >= echo_step` right. Before that, it cannot tell row 0, whose
        targets are 0, from the other rows, whose targets echo bits it never saw: fair coins. The likelier class is 0,
        so it answers 0 and misses each of these targets that is 1 in this very series.

        With the seed's 5 rows and `echo_step = 3`, 12 of 50,000 targets are such coins and about 6 are missed, a
        ceiling near 0.99988. A model that answers these few otherwise may exceed the ceiling, by luck alone.

        `y` may be cut short in `N` to the steps that are scored.
        """
        missed = np.count_nonzero(y[..., 1:, : self.echo_step])
        return (y.size - missed) / y.size

    def ceiling_by_chance(self, row_steps: int) -> tuple[float, float]:
        """Between which two values `accuracy_ceiling` lies in 95 of 100 series with rows of `row_steps` steps."""
        targets, guessed = self.rows * row_steps, (self.rows - 1) * min(self.echo_step, row_steps)
        missed, spread = guessed / 2, 1.96 * math.sqrt(guessed) / 2  # fair coins
        return 1 - (missed + spread) / targets, min(1.0, 1 - (missed - spread) / targets)


def _bits(seed: np.random.SeedSequence, start: int, stop: int) -> NDArray[np.uint8]:
    """Steps `start` to `stop` of the endless series of fair bits of `seed`."""
    first_word = start // _WORD_BITS
    words = -(-stop // _WORD_BITS) - first_word
    # PCG64 can be set to any of its 64-bit words at once, so a block costs the same wherever it lies.
    generator = np.random.Generator(np.random.PCG64(seed).advance(first_word))
    bits = np.unpackbits(np.frombuffer(generator.bytes(words * _WORD_BITS // 8), np.uint8))
    skipped = start - first_word * _WORD_BITS
    return bits[skipped : skipped + stop - start]
