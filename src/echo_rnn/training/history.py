"""The numbers of a training: loss and score of every step in a file that only grows, and a record of every epoch."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from echo_rnn import files
from echo_rnn.core.windows.loop import Array, Preparation
from echo_rnn.errors import UserError

_COLUMNS = 3
_ROW_BYTES = 4 * _COLUMNS
_PIECE = 2**20


class Offset(NamedTuple):
    """A position in a log.

    Attributes:
        rows: Rows before it.
        sha256: Hexadecimal checksum of their bytes.
    """

    rows: int
    sha256: str


BEGINNING = Offset(0, hashlib.sha256().hexdigest())
"""The offset of a log without rows."""


class Log:
    """Loss, score and share of counted targets of every training step, float32 `[rows, 3]`, in a file that only grows.

    A long history costs no memory, and a checkpoint stores an offset instead of a copy. The file is written all the
    time and may hold more than the newest checkpoint covers: `rewind` cuts it off there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = 0
        self._checksum = hashlib.sha256()

    def append(self, rows: Array) -> None:
        """Appends rows `[n, 3]`."""
        content = np.ascontiguousarray(rows, np.float32).tobytes()
        files.append(self.path, content, durable=False)
        self._checksum.update(content)
        self._rows += len(rows)

    def offset(self) -> Offset:
        """The end of the log."""
        return Offset(self._rows, self._checksum.hexdigest())

    def sync(self) -> None:
        """Brings the rows to disk.

        Raises:
            UserError: The disk fails.
        """
        files.append(self.path, b"", durable=True)

    def read(self, first: int = 0) -> Array:
        """The rows from `first` on, mapped from the file; they stay valid when it is removed."""
        if self._rows == first:
            return np.empty((0, _COLUMNS), np.float32)
        return np.memmap(self.path, np.float32, "r", first * _ROW_BYTES, (self._rows - first, _COLUMNS))

    def rewind(self, offset: Offset) -> None:
        """Resumes after `offset`; what the file holds beyond it is cut off.

        Raises:
            UserError: The file does not hold the rows before the offset; it is not changed.
        """
        checksum, length = hashlib.sha256(), offset.rows * _ROW_BYTES
        if length and self.path.is_file() and self.path.stat().st_size >= length:
            with self.path.open("rb") as file:
                for start in range(0, length, _PIECE):
                    checksum.update(file.read(min(_PIECE, length - start)))
        if checksum.hexdigest() != offset.sha256:
            raise UserError(
                f"{self.path}: expected {offset.rows} rows as they were written, got others", "checkpoint.damaged"
            )
        files.cut(self.path, length)
        self._rows, self._checksum = offset.rows, checksum


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Attributes:
        epoch: From 1.
        loss: Mean over its training steps, in the unit of the loss; each step weighs as its counted targets.
        score: Likewise the score, `accuracy` or `squared_error`.
        validation_loss: On the validation series; `None` in epochs without validation.
        validation_score: Likewise.
        steps_per_second: Training steps per second of its compiled calls.
    """

    epoch: int
    loss: float
    score: float
    validation_loss: float | None
    validation_score: float | None
    steps_per_second: float


@dataclass
class History:
    """One training, over all processes that worked on it.

    Attributes:
        windows: Training steps of an epoch.
        leftover_steps: Time steps of each row that fill no window and are not trained on.
        preparation: Time this process spent before the first step could run.
        log: Of its steps.
        epochs: One record for each finished epoch.
        steps: Training steps done.
        steady_seconds: Time spent in training steps.
        epoch_seconds: Likewise, in the current epoch.
        validation_seconds: Time spent on the validation series.
        stopped_early: Whether the validation loss ended the training before its last epoch.
        weights_epoch: The epoch of the final weights: the last, or the best one where early stopping restored it.
    """

    windows: int
    leftover_steps: int
    preparation: Preparation
    log: Log
    epochs: list[EpochRecord] = field(default_factory=list)
    steps: int = 0
    steady_seconds: float = 0.0
    epoch_seconds: float = 0.0
    validation_seconds: float = 0.0
    stopped_early: bool = False
    weights_epoch: int = 0

    @property
    def windows_done(self) -> int:
        """Finished windows of the current epoch; all of them until `end_epoch` is called."""
        return self.steps - len(self.epochs) * self.windows

    def add(self, losses: Array, scores: Array, counted: Array, seconds: float) -> None:
        """Adds the results of one call of the training loop; `counted` are shares of the targets of each step."""
        self.log.append(np.stack([losses, scores, counted], axis=-1))
        self.steps += len(losses)
        self.steady_seconds += seconds
        self.epoch_seconds += seconds

    def end_epoch(self, validation_loss: float | None, validation_score: float | None) -> EpochRecord:
        """Records the current epoch, in which all windows are done, and begins the next."""
        loss, score = _means(self.log.read(self.steps - self.windows))
        rate = self.windows / self.epoch_seconds
        record = EpochRecord(len(self.epochs) + 1, loss, score, validation_loss, validation_score, rate)
        self.epochs.append(record)
        self.epoch_seconds = 0.0
        return record


def _means(rows: Array) -> tuple[float, float]:
    """Mean loss and score of training steps, weighed by the share of targets that counted in each."""
    counted = rows[:, 2]
    if (counted == 1).all():
        loss, score, _ = rows.mean(axis=0, dtype=np.float64).tolist()
    else:
        loss, score, _ = np.average(rows.astype(np.float64), axis=0, weights=counted).tolist()
    return loss, score
