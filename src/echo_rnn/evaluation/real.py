"""Scores of a trained network on real targets, beside baselines on the same steps.

ESR = Σ e² / Σ y²        error-to-signal ratio, given in dB (10 log₁₀)
R² = 1 - Σ e² / Σ (y - mean y)²

In raw units; of several targets the mean of their ratios. The error by position in the window, with the state carried
and with the state zeroed before every window, shows what warming up a state buys.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Floats = NDArray[Any]
_SEGMENT = 1024  # steps of a spectrum


@dataclass
class Sums:
    """Sums over the counted steps of a series, for each target."""

    steps: int = 0
    error: Floats = field(default_factory=lambda: np.zeros(1))
    squared: Floats = field(default_factory=lambda: np.zeros(1))
    absolute: Floats = field(default_factory=lambda: np.zeros(1))
    target: Floats = field(default_factory=lambda: np.zeros(1))
    energy: Floats = field(default_factory=lambda: np.zeros(1))

    def add(self, predicted_BNK: Floats, y_BNK: Floats, counted_BN: NDArray[np.bool_]) -> None:
        """Adds a piece."""
        y, error = y_BNK[counted_BN].astype(np.float64), (y_BNK - predicted_BNK)[counted_BN].astype(np.float64)
        self.steps += len(y)
        self.error = self.error + error.sum(axis=0)
        self.squared = self.squared + np.square(error).sum(axis=0)
        self.absolute = self.absolute + np.abs(error).sum(axis=0)
        self.target = self.target + y.sum(axis=0)
        self.energy = self.energy + np.square(y).sum(axis=0)

    def metrics(self) -> dict[str, float | None]:
        """The scores; `None` where a ratio has no denominator."""
        variation = self.energy - self.target**2 / max(self.steps, 1)
        esr, unexplained = _mean_ratio(self.squared, self.energy), _mean_ratio(self.squared, variation)
        return {
            "esr_db": None if not esr else float(10 * np.log10(esr)),
            "r2": None if unexplained is None else 1 - unexplained,
            "rmse": float(np.sqrt(self.squared / max(self.steps, 1)).mean()),
            "mae": float((self.absolute / max(self.steps, 1)).mean()),
        }

    def by_target(self) -> list[tuple[float, float]]:
        """RMSE and MAE of each target."""
        steps = max(self.steps, 1)
        return list(zip(np.sqrt(self.squared / steps).tolist(), (self.absolute / steps).tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Place:
    """A stretch of a row.

    Attributes:
        row: The row.
        first: Its first step.
        y_NK: Targets.
        predicted_NK: Predictions of the network.
        filtered_NK: Those of the linear filter.
    """

    row: int
    first: int
    y_NK: Floats
    predicted_NK: Floats
    filtered_NK: Floats


class RealTally:
    """Running scores over consecutive pieces of one series."""

    def __init__(self, window: int, place_steps: int) -> None:
        """Nothing is counted yet.

        Args:
            window: Time steps of a window (T).
            place_steps: Length of the worst place.
        """
        self.sums = Sums()
        self.worst: Place | None = None
        self.spectra: tuple[Floats, Floats, Floats] | None = None
        self._worst_error = -1.0
        self._place_steps = place_steps
        self._window = window
        self._steps = 0
        self._squared_T = np.zeros(window)
        self._seen_T = np.zeros(window, np.int64)
        self._spectrum_weight = 0

    @property
    def by_position_T(self) -> Floats:
        """Root mean squared error at each time step of a window; NaN at steps without targets."""
        mean = np.divide(self._squared_T, self._seen_T, out=np.full(self._window, np.nan), where=self._seen_T > 0)
        root: Floats = np.sqrt(mean)
        return root

    def add(self, predicted_BNK: Floats, y_BNK: Floats, counted_BN: NDArray[np.bool_]) -> None:
        """Adds a piece that follows the one before without a gap, in raw units."""
        self.sums.add(predicted_BNK, y_BNK, counted_BN)
        squared_BN = np.where(counted_BN, np.square((y_BNK - predicted_BNK).astype(np.float64)).mean(axis=-1), 0.0)
        positions_N = (self._steps + np.arange(y_BNK.shape[1])) % self._window
        self._squared_T += np.bincount(positions_N, squared_BN.sum(axis=0), self._window)
        self._seen_T += np.bincount(positions_N, counted_BN.sum(axis=0), self._window).astype(np.int64)
        self._steps += y_BNK.shape[1]

    def look(self, predicted_BNK: Floats, y_BNK: Floats, filtered_BNK: Floats, counted_BN: NDArray[np.bool_]) -> None:
        """Remembers the worst place and spectra of a piece, before it is added."""
        squared_BN = np.where(counted_BN, np.square(y_BNK - predicted_BNK).mean(axis=-1), 0.0)
        rows, steps = squared_BN.shape
        length = min(self._place_steps, steps)
        places_BP = squared_BN[:, : steps // length * length].reshape(rows, -1, length).mean(axis=-1)
        row, place = np.unravel_index(int(places_BP.argmax()), places_BP.shape)
        if places_BP[row, place] > self._worst_error:
            self._worst_error = float(places_BP[row, place])
            part = (int(row), slice(int(place) * length, (int(place) + 1) * length))
            series = (each[part].copy() for each in (y_BNK, predicted_BNK, filtered_BNK))
            self.worst = Place(int(row), self._steps + part[1].start, *series)
        self._add_spectra(y_BNK, y_BNK - predicted_BNK)

    def _add_spectra(self, y_BNK: Floats, error_BNK: Floats) -> None:
        """Power spectra of targets and errors, averaged over rows, targets and pieces of at least a segment."""
        segment = _SEGMENT if self.spectra is None else 2 * (len(self.spectra[0]) - 1)
        if self.spectra is None:
            segment = min(segment, y_BNK.shape[1] // 2 * 2)
        if y_BNK.shape[1] < segment or segment < 4:
            return
        powers = [
            signal.welch(each, nperseg=segment, axis=1, detrend=False)[1].mean(axis=(0, 2))
            for each in (y_BNK, error_BNK)
        ]
        frequencies = np.fft.rfftfreq(segment)
        if self.spectra is not None:
            share = y_BNK.shape[1] / (self._spectrum_weight + y_BNK.shape[1])
            powers = [old + share * (new - old) for old, new in zip(self.spectra[1:], powers, strict=True)]
        self._spectrum_weight += y_BNK.shape[1]
        self.spectra = (frequencies, powers[0], powers[1])


@dataclass(frozen=True)
class RealEvaluation:
    """The scores of a network on one series of real targets.

    Attributes:
        carried: With the state carried.
        zeroed: With the state zeroed before every window.
        baselines: Of what needs no network, by name.
        target_names: Of the targets.
    """

    carried: RealTally
    zeroed: RealTally
    baselines: dict[str, Sums]
    target_names: tuple[str, ...]

    def metrics(self) -> dict[str, Any]:
        """The scalar scores as JSON values, each baseline's beside the network's."""
        own = self.carried.sums.metrics()
        beside = {
            f"{name}_{baseline}": value
            for baseline, sums in self.baselines.items()
            for name, value in sums.metrics().items()
        }
        each: dict[str, float] = {}
        if len(self.target_names) > 1:
            for name, (rmse, mae) in zip(self.target_names, self.carried.sums.by_target(), strict=True):
                each |= {f"rmse_of_{name}": rmse, f"mae_of_{name}": mae}
        return own | beside | each | {"targets": self.carried.sums.steps}


def _mean_ratio(part: Floats, whole: Floats) -> float | None:
    return float((part / whole).mean()) if np.all(whole > 0) else None
