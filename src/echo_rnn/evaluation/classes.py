"""Scores of a trained network on every target of a series of classes, with the state carried.

Besides accuracy and loss: accuracy by position in the window, with carried and with zeroed state, which shows what
carrying gains; and by lag, the share of predictions that equal the input k steps earlier, which shows what was learnt.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from echo_rnn.core.windows.buffers import release_pages
from echo_rnn.core.windows.predictor import Chunk

Counts = NDArray[np.int64]
_COUNTED_AT_ONCE = 2**20  # targets
_LARGEST_EXPONENT = np.log(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Evaluation:
    """The scores of a network on one series.

    Attributes:
        carried: With the state carried.
        zeroed: With the state zeroed before every window.
        accuracy_ceiling: The best accuracy any network can reach; see `Task.accuracy_ceiling`. `None` if unknown.
        majority: Accuracy of the class that is most frequent in training, always guessed: what needs no network.
        chance: Accuracy of the best guess without the input; `None` where it is not known.
    """

    carried: "Tally"
    zeroed: "Tally"
    accuracy_ceiling: float | None
    majority: float
    chance: float | None = None

    def metrics(self) -> dict[str, Any]:
        """The scalar scores as JSON values.

        The accuracy gap is slightly below 0 where the network guessed unpredictable targets by luck. Perplexity is
        exp(loss): 1 for a perfect network, the number of classes for a uniform guess; `None` beyond a float's range.
        """
        accuracy, loss = self.carried.accuracy, self.carried.loss
        return {
            "accuracy": accuracy,
            "accuracy_ceiling": self.accuracy_ceiling,
            "accuracy_gap": None if self.accuracy_ceiling is None else self.accuracy_ceiling - accuracy,
            "accuracy_chance": self.chance,
            "accuracy_majority": self.majority,
            "loss": loss,
            "perplexity": float(np.exp(loss)) if loss < _LARGEST_EXPONENT else None,
            "targets": self.carried.targets,
        }

    def tables(self) -> dict[str, list[Any]]:
        """Confusion matrix and shares as lists of JSON values; `None` in place of NaN."""
        shares = {
            "by_position": self.carried.by_position_T,
            "by_position_zeroed": self.zeroed.by_position_T,
            "by_lag": self.carried.by_lag_K,
        }
        known = {name: [None if np.isnan(share) else float(share) for share in row] for name, row in shares.items()}
        return {"confusion": self.carried.confusion_CC.tolist(), **known}


def majority(train: NDArray[np.uint8], test: NDArray[np.uint8], classes: int) -> float:
    """Accuracy on `test` of always guessing the most frequent class in `train`; missing targets are left out."""
    in_train, in_test = (_counts(series, classes) for series in (train, test))
    return float(in_test[in_train.argmax()] / max(in_test.sum(), 1))


def _counts(y_BN: NDArray[np.uint8], classes: int) -> Counts:
    """How often each class occurs, in pieces: counting takes eight bytes for each target."""
    counts = np.zeros(classes, np.int64)
    steps = max(1, _COUNTED_AT_ONCE // len(y_BN))
    for first in range(0, y_BN.shape[1], steps):
        counts += np.bincount(y_BN[:, first : first + steps].ravel(), minlength=classes)[:classes]
        release_pages(y_BN)
    return counts


def tally(chunks: Iterable[Chunk], classes: int, window: int = 1, lags: int = 0) -> "Tally":
    """The counts over all `chunks` of a series; see `Tally`."""
    counts = Tally(classes, window, lags)
    for chunk in chunks:
        counts.add(chunk)
    return counts


def mean_loss_and_accuracy(chunks: Iterable[Chunk], classes: int) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy over all targets of `chunks`."""
    counts = tally(chunks, classes)
    return counts.loss, counts.accuracy


class Tally:
    """Running counts over consecutive chunks of one series.

    Attributes:
        targets: Number of targets.
        confusion_CC: Counts, true class by predicted class.
        sample: The first four windows at most, for a figure; there once a chunk is added.
    """

    sample: Chunk

    def __init__(self, classes: int, window: int, lags: int) -> None:
        """Nothing is counted yet.

        Args:
            classes: C.
            window: Time steps of a window (T), for the accuracy by position.
            lags: How many of them are compared (K), from 0; only where inputs are one feature that takes classes.
        """
        self._classes = classes
        self._window = window
        self._loss = 0.0
        self._steps = 0
        self.targets = 0
        self.confusion_CC = np.zeros((classes, classes), np.int64)
        self._right_T = np.zeros(window, np.int64)
        self._seen_T = np.zeros(window, np.int64)
        self._equal_K = np.zeros(lags, np.int64)
        self._compared_K = np.zeros(lags, np.int64)
        self._earlier_x_BK: NDArray[np.uint8] | None = None

    @property
    def accuracy(self) -> float:
        """Share of targets predicted right."""
        return int(np.trace(self.confusion_CC)) / self.targets

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return self._loss / self.targets

    @property
    def by_position_T(self) -> NDArray[np.float64]:
        """Accuracy at each time step of a window; NaN at steps without targets."""
        return _share(self._right_T, self._seen_T)

    @property
    def by_lag_K(self) -> NDArray[np.float64]:
        """Share of predictions that equal the input k steps earlier; NaN where no such input exists."""
        return _share(self._equal_K, self._compared_K)

    def add(self, chunk: Chunk) -> None:
        """Adds a chunk that follows the one before without a gap."""
        if not self._steps:
            self.sample = first_steps(chunk, 4 * self._window)
        classes, y_BN = self._classes, chunk.y
        counted_BN = np.ones(y_BN.shape, np.bool_) if chunk.counted_BN is None else chunk.counted_BN
        predicted_BN = chunk.outputs_BNC.argmax(axis=-1).astype(np.uint8)
        log_p_BNC = log_softmax(chunk.outputs_BNC.astype(np.float64), axis=-1)
        log_p_BN1 = np.take_along_axis(log_p_BNC, y_BN[..., np.newaxis].astype(np.intp), axis=-1)
        self._loss -= float((log_p_BN1 if chunk.counted_BN is None else log_p_BN1[counted_BN]).sum())
        self.targets += int(np.count_nonzero(counted_BN))
        pairs = (y_BN.astype(np.intp) * classes + predicted_BN)[counted_BN]
        self.confusion_CC += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        self._add_positions((predicted_BN == y_BN) & counted_BN, counted_BN)
        if len(self._equal_K):
            self._add_lags(chunk.x_BNI[..., 0], predicted_BN)
        self._steps += y_BN.shape[1]

    def _add_positions(self, right_BN: NDArray[np.bool_], counted_BN: NDArray[np.bool_]) -> None:
        positions_N = (self._steps + np.arange(right_BN.shape[1])) % self._window
        right_T, seen_T = (
            np.bincount(positions_N, steps_BN.sum(axis=0), self._window).astype(np.int64)
            for steps_BN in (right_BN, counted_BN)
        )
        self._right_T += right_T
        self._seen_T += seen_T

    def _add_lags(self, x_BN: NDArray[np.uint8], predicted_BN: NDArray[np.uint8]) -> None:
        earlier_BK = x_BN[:, :0] if self._earlier_x_BK is None else self._earlier_x_BK
        x_BM = np.concatenate([earlier_BK, x_BN], axis=1)
        (_, new), (_, known) = x_BN.shape, x_BM.shape
        # At a lag of `known` steps and more no prediction has an input.
        for lag in range(min(len(self._equal_K), known)):
            inputs_BN = x_BM[:, max(0, known - new - lag) : known - lag]
            compared_BN = predicted_BN[:, new - inputs_BN.shape[1] :] == inputs_BN
            self._equal_K[lag] += np.count_nonzero(compared_BN)
            self._compared_K[lag] += compared_BN.size
        self._earlier_x_BK = x_BM[:, max(0, known - len(self._equal_K)) :].copy()


def first_steps(chunk: Chunk, steps: int) -> Chunk:
    """A copy of the first steps of a chunk."""
    counted_BN = None if chunk.counted_BN is None else chunk.counted_BN[:, :steps].copy()
    x_BNI, y, outputs_BNC = (array[:, :steps].copy() for array in (chunk.x_BNI, chunk.y, chunk.outputs_BNC))
    return Chunk(x_BNI, y, outputs_BNC, counted_BN)


def _share(part: Counts, whole: Counts) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares
