"""What needs no recurrent network: the last target, and a linear filter of the last inputs; in scaled units.

A baseline is called with consecutive pieces of a series and remembers what it needs of the pieces before.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]

_MOST_STEPS = 2**20  # of the training series that the filter is fitted on
_MOST_TERMS = 128  # taps times input features
_PIECE = 2**14
_RIDGE = 1e-9  # of the mean diagonal: inputs that are nearly equal from step to step are no exact copies


class Baseline(Protocol):
    """Predicts a piece that follows the pieces before it."""

    def __call__(self, x_BNI: Floats, y_BNK: Floats) -> Floats:
        """Predictions `[B, N, K]` of targets from the inputs up to each step, or from targets that are known by then.

        Args:
            x_BNI: Inputs.
            y_BNK: Targets, 0 where there is none.
        """


class Persistence:
    """The target of `steps` steps ago, which is the newest one that is known; 0, the mean, before there is one."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._before: Floats | None = None

    def __call__(self, x_BNI: Floats, y_BNK: Floats) -> Floats:
        """See `Baseline`."""
        before = np.zeros_like(y_BNK, shape=(len(y_BNK), self._steps, y_BNK.shape[2]))
        joined = np.concatenate([before if self._before is None else self._before, y_BNK], axis=1)
        self._before = joined[:, -self._steps :].copy()
        return joined[:, : y_BNK.shape[1]]


class LinearFilter:
    """A least-squares filter of the newest inputs and a constant; inputs before a row are 0."""

    def __init__(self, kernel: Floats, taps: int) -> None:
        """A fitted filter.

        Args:
            kernel: `[taps · I + 1, K]`, the constant last.
            taps: Inputs that it sees of each feature, this step's included.
        """
        self.taps = taps
        self._kernel = kernel
        self._before: Floats | None = None

    def __call__(self, x_BNI: Floats, y_BNK: Floats) -> Floats:
        """See `Baseline`."""
        if self._before is None:
            self._before = np.zeros((len(x_BNI), self.taps - 1, x_BNI.shape[2]))
        joined = np.concatenate([self._before, x_BNI], axis=1)
        self._before = joined[:, joined.shape[1] - self.taps + 1 :].copy()
        *kernel, constant = self._kernel
        predicted = np.empty(y_BNK.shape, np.float32)
        for row, x_NI in enumerate(joined):
            for start in range(0, y_BNK.shape[1], _PIECE):
                stop = min(start + _PIECE, y_BNK.shape[1])
                predicted[row, start:stop] = _terms(x_NI[start : stop + self.taps - 1], self.taps) @ kernel + constant
        return predicted


def fit(x_BNI: Floats, y_BNK: Floats, counted_BN: NDArray[np.bool_] | None, most_taps: int) -> LinearFilter:
    """The filter that fits a training series best.

    Args:
        x_BNI: Inputs; those of the first million steps are used.
        y_BNK: Targets.
        counted_BN: Whether a step counts.
        most_taps: The most inputs of each feature that it sees.
    """
    rows, steps, inputs = x_BNI.shape
    taps = max(1, min(most_taps, _MOST_TERMS // inputs, steps))
    terms = taps * inputs + 1
    gram, moments = np.zeros((terms, terms)), np.zeros((terms, y_BNK.shape[2]))
    for row in range(rows):
        for start in range(0, steps, _PIECE):
            stop = min(start + _PIECE, steps)
            x_NI = x_BNI[row, max(0, start - taps + 1) : stop].astype(np.float64)
            x_NI = np.pad(x_NI, ((taps - 1 + stop - start - len(x_NI), 0), (0, 0)))
            seen = np.pad(_terms(x_NI, taps), ((0, 0), (0, 1)), constant_values=1.0)
            y_NK = y_BNK[row, start:stop].astype(np.float64)
            if counted_BN is not None:
                seen, y_NK = seen[counted_BN[row, start:stop]], y_NK[counted_BN[row, start:stop]]
            gram += seen.T @ seen
            moments += seen.T @ y_NK
    gram[np.diag_indices(terms)] += _RIDGE * max(np.trace(gram) / terms, np.finfo(np.float64).tiny)
    return LinearFilter(np.linalg.solve(gram, moments), taps)


def fitting_steps(rows: int, steps: int) -> int:
    """The steps of each row that a filter is fitted on."""
    return min(steps, max(1, _MOST_STEPS // rows))


def _terms(x_NI: Floats, taps: int) -> Floats:
    """For each step from `taps - 1` on the newest `taps` inputs, newest last: `[N - taps + 1, taps · I]`."""
    view = np.lib.stride_tricks.sliding_window_view(x_NI, taps, axis=0)
    return view.transpose(0, 2, 1).reshape(len(view), -1)
