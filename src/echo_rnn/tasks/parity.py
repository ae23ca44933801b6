"""The parity task: whether an odd number of the last bits were 1; every one of them decides.

y_t = x_t xor x_(t-1) xor … xor x_(t - parity_steps + 1), bits before a row are 0
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.scaling import Scaling
from echo_rnn.tasks.task import Block

_BLOCK_STEPS = 2**20


@dataclass(frozen=True)
class Parity:
    """Random bits in each row, and the parity of the last `parity_steps` of them."""

    name: ClassVar[str] = "parity"
    fresh: ClassVar[bool] = True
    gaps: ClassVar[bool] = False
    x_dtype: ClassVar[DTypeLike] = np.uint8
    y_dtype: ClassVar[DTypeLike] = np.uint8

    parity_steps: int
    rows: int

    @property
    def ends(self) -> Ends:
        """A bit in, the two values of a bit out."""
        return Ends("classes", 1, 2, Scaling.identity(1, 0), ("bit",), ("parity",))

    @property
    def chance(self) -> float:
        """A fair bit, whatever is known of all but one of those that decide."""
        return 0.5

    def blocks(self, seed: np.random.SeedSequence, length: int) -> Iterator[Block]:
        """See `Task`."""
        row_steps = length // self.rows
        for row_seed in seed.spawn(self.rows):
            generator, before = np.random.default_rng(row_seed), np.zeros(self.parity_steps - 1, np.uint8)
            for start in range(0, row_steps, _BLOCK_STEPS):
                x = generator.integers(0, 2, min(_BLOCK_STEPS, row_steps - start), np.uint8)
                # The parity of a stretch is that of all bits until its end, xor that of all before it.
                known = np.concatenate([before, x])
                until = np.bitwise_xor.accumulate(np.concatenate([[np.uint8(0)], known]))
                yield x, until[self.parity_steps :] ^ until[: len(x)]
                before = known[len(x) :]

    def accuracy_ceiling(self, y: NDArray[Any]) -> float:
        """All can be known."""
        return 1.0
