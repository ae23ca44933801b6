"""From a series on disk to buffers of truncation windows in memory, all of one shape."""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.core.windows.counting import counted

_MOST_STEPS = 2**22


@dataclass(frozen=True)
class Buffer:
    """Consecutive windows of several series; windows from `count` on are padding.

    Attributes:
        arrays: One `[W, T, B, …]` for each series, then which targets count, `[W, T, B]`, where that was asked for.
        count: Windows that hold data.
    """

    arrays: list[NDArray[Any]]
    count: int


def window_count(steps: int, window: int) -> tuple[int, int]:
    """How many whole windows of `window` steps a row of `steps` steps holds, and how many steps are left over."""
    return divmod(steps, window)


def capacity(row_steps: int, batch_size: int, window: int) -> int:
    """Windows in a buffer: the whole row, unless that is more than a few million time steps."""
    windows, _ = window_count(row_steps, window)
    return max(1, min(windows, _MOST_STEPS // (window * batch_size)))


def buffers(
    series: Sequence[NDArray[Any]],
    window: int,
    size: int,
    start: int = 0,
    *,
    warmup: int | None = None,
    steps_before: int = 0,
) -> Iterator[Buffer]:
    """Reads the whole windows of `series`, each `[B, N, …]`, from window `start` on into buffers of `size` windows.

    Memory stays bounded.

    Args:
        series: The last one holds the targets.
        window: Time steps of a window.
        size: Windows of a buffer.
        start: The first window.
        warmup: Marks the targets that count, without the first `warmup` steps of each row; `None` where all count.
        steps_before: Steps of each row before the series.
    """
    windows, _ = window_count(series[0].shape[1], window)
    for first in range(start, windows, size):
        count = min(size, windows - first)
        arrays = [read_windows(series_BN, window, first, count) for series_BN in series]
        for series_BN in series:
            release_pages(series_BN)
        if warmup is not None:
            arrays[-1:] = counted(arrays[-1], steps_before + first * window, warmup)
        yield Buffer([_padded(array, size) for array in arrays], count)


def as_windows(series_BN: NDArray[Any], window: int) -> NDArray[Any]:
    """A view `[W, T, B, …]` of the whole windows in `[B, N, …]`, time-major within each, without steps left over."""
    rows, steps, *features = series_BN.shape
    windows, _ = window_count(steps, window)
    return np.moveaxis(series_BN[:, : windows * window].reshape(rows, windows, window, *features), 0, 2)


def read_windows(series_BN: NDArray[Any], window: int, first: int, count: int) -> NDArray[Any]:
    """Copies `count` windows from window `first` on into memory; of a memory-mapped series only these are read.

    Returns:
        A contiguous array `[count, window, B, …]`.

    Raises:
        ValueError: the series does not hold these windows.
    """
    windows, _ = window_count(series_BN.shape[1], window)
    if not 0 <= first <= first + count <= windows:
        raise ValueError(f"windows {first} to {first + count} of a series that has {windows}")
    return np.array(as_windows(series_BN[:, first * window : (first + count) * window], window), order="C")


def release_pages(series_BN: NDArray[Any]) -> None:
    """Releases the pages of a mapped file: those that were read would count as this process's until it exits."""
    if series_BN.flags.writeable:
        return  # changes in memory would be lost
    base: object = series_BN
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def _padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    missing = size - len(array)
    return np.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1))) if missing else array
