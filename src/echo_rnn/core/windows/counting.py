"""Which targets count: not those that are missing, nor those at steps that only warm up a state. NumPy only.

They are marked on the host, so that no NaN enters a graph.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

NO_CLASS = 255
"""The class of a step without a target; a real target is NaN there."""


def counted(y: Array, steps_before: int, warmup: int) -> tuple[Array, NDArray[np.uint8]]:
    """Which targets of consecutive windows count, and the targets without their marks.

    Args:
        y: Stored classes `[W, T, B]`, or real targets `[W, T, B, K]`, marked where there is none.
        steps_before: Steps of each row before these windows.
        warmup: The first steps of each row do not count.

    Returns:
        The targets, 0 where there is none, and 1 or 0 for each step, `[W, T, B]`.
    """
    real = y.ndim == 4
    present = np.asarray(np.isfinite(y).all(axis=-1) if real else y != NO_CLASS)
    cleaned = np.where(present[..., np.newaxis] if real else present, y, np.zeros((), y.dtype))
    position_WT = steps_before + np.arange(y.shape[0] * y.shape[1]).reshape(y.shape[:2])
    warm_WT1 = np.expand_dims(position_WT >= warmup, -1)
    return cleaned, (present & warm_WT1).astype(np.uint8)
