"""Cutting rows into windows, the segments of truncated backpropagation."""

import numpy as np
from numpy.typing import NDArray


def window_count(steps: int, window: int) -> tuple[int, int]:
    """How many whole windows of `window` steps a row of `steps` steps holds, and how many steps are left over."""
    return divmod(steps, window)


def as_windows(series_BN: NDArray[np.uint8], window: int) -> NDArray[np.uint8]:
    """A view `[W, T, B]` of the whole windows in `[B, N]`, time-major within each; steps left over are not in it."""
    rows, steps = series_BN.shape
    windows, _ = window_count(steps, window)
    return series_BN[:, : windows * window].reshape(rows, windows, window).transpose(1, 2, 0)


def read_windows(series_BN: NDArray[np.uint8], window: int, first: int, count: int) -> NDArray[np.uint8]:
    """Copies `count` windows from window `first` on into memory; of a memory-mapped series only these are read.

    Returns:
        A contiguous array `[count, window, B]`.

    Raises:
        ValueError: the series does not hold these windows.
    """
    windows, _ = window_count(series_BN.shape[1], window)
    if not 0 <= first <= first + count <= windows:
        raise ValueError(f"windows {first} to {first + count} of a series that has {windows}")
    return np.array(as_windows(series_BN[:, first * window : (first + count) * window], window), order="C")
