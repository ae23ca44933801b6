"""Series of independent sequences of one length, row by row; each row begins with a new sequence."""

from collections.abc import Callable, Iterator

import numpy as np

from echo_rnn.tasks.task import Block

_BLOCK_STEPS = 2**18
Draw = Callable[[np.random.Generator, int], Block]
"""From a generator and a number of sequences (Q) to inputs `[Q, T, I]` and targets `[Q, T]` or `[Q, T, K]`."""


def sequence_blocks(draw: Draw, steps: int, seed: np.random.SeedSequence, length: int, rows: int) -> Iterator[Block]:
    """Yields the rows of a series, each cut off where it is full, in blocks of bounded size.

    Args:
        draw: Makes sequences.
        steps: Of a sequence.
        seed: Each row has a child of it.
        length: Steps of all rows together.
        rows: Number of rows.
    """
    for row_seed in seed.spawn(rows):
        generator, missing = np.random.default_rng(row_seed), length // rows
        while missing > 0:
            x, y = draw(generator, min(max(1, _BLOCK_STEPS // steps), -(-missing // steps)))
            x, y = (series.reshape(-1, *series.shape[2:])[:missing] for series in (x, y))
            missing -= len(x)
            yield x, y
