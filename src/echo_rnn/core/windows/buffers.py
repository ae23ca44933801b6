"""From a series on disk to buffers of windows in memory, all of one shape."""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echo_rnn.core.windows.cut import read_windows, window_count

_MOST_STEPS = 2**22


@dataclass(frozen=True)
class Buffer:
    """Consecutive windows of several series; windows from `count` on are padding.

    Attributes:
        arrays: One `[W, T, B]` for each series.
        count: Windows that hold data.
    """

    arrays: list[NDArray[np.uint8]]
    count: int


def capacity(row_steps: int, rows: int, window: int) -> int:
    """Windows in a buffer: the whole row, unless that is more than a few million time steps."""
    windows, _ = window_count(row_steps, window)
    return max(1, min(windows, _MOST_STEPS // (window * rows)))


def buffers(series: Sequence[NDArray[np.uint8]], window: int, size: int, start: int = 0) -> Iterator[Buffer]:
    """Reads the whole windows of `series`, each `[B, N]`, from window `start` on into buffers of `size` windows.

    Memory stays bounded.
    """
    windows, _ = window_count(series[0].shape[1], window)
    for first in range(start, windows, size):
        count = min(size, windows - first)
        arrays = [read_windows(series_BN, window, first, count) for series_BN in series]
        for series_BN in series:
            _let_go(series_BN)
        padding = ((0, size - count), (0, 0), (0, 0))
        yield Buffer([np.pad(array, padding) for array in arrays] if count < size else arrays, count)


def _let_go(series_BN: NDArray[np.uint8]) -> None:
    """Gives back the pages of a mapped file: those that were read would count as this process's until it ends."""
    if series_BN.flags.writeable:
        return  # what was written there would be lost
    base: object = series_BN
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
