"""Scores of a trained network on every target of a series, with the state carried.

Besides accuracy and loss: accuracy by position in the window, with carried and with zeroed state, which shows what
carrying gains; and by lag, the share of predictions that equal the input k steps earlier, which shows what was learnt.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from echo_rnn.core.windows.predictor import Chunk
from echo_rnn.tasks import CLASSES

Counts = NDArray[np.int64]
_LARGEST_EXPONENT = np.log(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Evaluation:
    """The scores of a network on one series.

    Attributes:
        carried: With the state carried.
        zeroed: With the state zeroed before every window.
        accuracy_ceiling: The best accuracy any network can reach; see `Task.accuracy_ceiling`.
    """

    carried: "Tally"
    zeroed: "Tally"
    accuracy_ceiling: float

    def metrics(self) -> dict[str, Any]:
        """The scalar scores as JSON values.

        The accuracy gap is slightly below 0 where the network guessed unpredictable targets by luck. Perplexity is
        exp(loss): 1 for a perfect network, the number of classes for a uniform guess; `None` beyond a float's range.
        """
        accuracy, loss = self.carried.accuracy, self.carried.loss
        return {
            "accuracy": accuracy,
            "accuracy_ceiling": self.accuracy_ceiling,
            "accuracy_gap": self.accuracy_ceiling - accuracy,
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


def tally(chunks: Iterable[Chunk], window: int = 1, lags: int = 0) -> "Tally":
    """The counts over all `chunks` of a series; see `Tally`."""
    counts = Tally(window, lags)
    for chunk in chunks:
        counts.add(chunk)
    return counts


def mean_loss_and_accuracy(chunks: Iterable[Chunk]) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy over all targets of `chunks`."""
    counts = tally(chunks)
    return counts.loss, counts.accuracy


class Tally:
    """Running counts over consecutive chunks of one series.

    Attributes:
        targets: Number of targets.
        confusion_CC: Counts, true class by predicted class.
        sample: The first four windows at most, for a figure; there once a chunk is added.
    """

    sample: Chunk

    def __init__(self, window: int, lags: int) -> None:
        """Nothing is counted yet.

        Args:
            window: Time steps of a window (T), for the accuracy by position.
            lags: How many of them are compared (K), from 0.
        """
        self._window = window
        self._loss = 0.0
        self._steps = 0
        self.targets = 0
        self.confusion_CC = np.zeros((CLASSES, CLASSES), np.int64)
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
            self.sample = Chunk(*(array[:, : 4 * self._window].copy() for array in vars(chunk).values()))
        predicted_BN = chunk.logits_BNC.argmax(axis=-1).astype(np.uint8)
        log_p_BNC = log_softmax(chunk.logits_BNC.astype(np.float64), axis=-1)
        self._loss -= float(np.take_along_axis(log_p_BNC, chunk.y_BN[..., np.newaxis].astype(np.intp), axis=-1).sum())
        self.targets += chunk.y_BN.size
        pairs = chunk.y_BN.astype(np.intp) * CLASSES + predicted_BN
        self.confusion_CC += np.bincount(pairs.ravel(), minlength=CLASSES**2).reshape(CLASSES, CLASSES)
        self._add_positions(predicted_BN == chunk.y_BN)
        self._add_lags(chunk.x_BN, predicted_BN)
        self._steps += chunk.y_BN.shape[1]

    def _add_positions(self, right_BN: NDArray[np.bool_]) -> None:
        positions_N = (self._steps + np.arange(right_BN.shape[1])) % self._window
        self._right_T += np.bincount(positions_N, right_BN.sum(axis=0), self._window).astype(np.int64)
        self._seen_T += np.bincount(positions_N, minlength=self._window) * right_BN.shape[0]

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


def _share(part: Counts, whole: Counts) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares
