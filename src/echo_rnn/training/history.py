"""The numbers of a training: loss and accuracy of every step and a record of every epoch, in files that only grow."""

import hashlib
import os
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from echo_rnn.core.windows.loop import Array, Preparation
from echo_rnn.errors import UserError
from echo_rnn.files import unwritable

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
    """A table of numbers, `[rows, columns]`, in a file that is appended to.

    A long history costs no memory, and a checkpoint stores an offset instead of a copy. The file is written all the
    time and may hold more than the newest checkpoint covers: `cut` resumes there.
    """

    def __init__(self, path: Path, dtype: type[np.floating[Any]], columns: int) -> None:
        self.path = path
        self._dtype = np.dtype(dtype)
        self._columns = columns
        self._row_bytes = columns * self._dtype.itemsize
        self._rows = 0
        self._checksum = hashlib.sha256()

    def append(self, rows: Array) -> None:
        """Appends rows `[n, columns]`."""
        content = np.ascontiguousarray(rows, self._dtype).tobytes()
        try:
            with self.path.open("ab") as file:
                file.write(content)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._checksum.update(content)
        self._rows += len(rows)

    def offset(self) -> Offset:
        """The end of the log."""
        return Offset(self._rows, self._checksum.hexdigest())

    def read(self, first: int = 0) -> Array:
        """The rows from `first` on, mapped from the file; they stay valid when it is removed."""
        if self._rows == first:
            return np.empty((0, self._columns), self._dtype)
        shape = (self._rows - first, self._columns)
        return np.memmap(self.path, self._dtype, "r", first * self._row_bytes, shape)

    def verify(self, offset: Offset) -> "hashlib._Hash":
        """The running checksum of the rows before `offset`, for `cut`; the file is not changed.

        Raises:
            UserError: The file does not hold these rows.
        """
        checksum, length = hashlib.sha256(), offset.rows * self._row_bytes
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                file.seek(0)
                for start in range(0, length, _PIECE):
                    checksum.update(file.read(min(_PIECE, length - start)))
        except OSError as error:
            raise unwritable(self.path, error) from error
        if checksum.hexdigest() != offset.sha256:
            raise UserError(
                f"{self.path}: expected {offset.rows} rows as they were written, got others", "checkpoint.damaged"
            )
        return checksum

    def cut(self, offset: Offset, checksum: "hashlib._Hash") -> None:
        """Resumes after `offset`, with the checksum from `verify`; what the file holds beyond it is cut off."""
        try:
            os.truncate(self.path, offset.rows * self._row_bytes)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._rows, self._checksum = offset.rows, checksum


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Attributes:
        epoch: From 1.
        loss: Mean over its training steps, in nats.
        accuracy: Mean over its training steps.
        validation_loss: Mean on the validation series, in nats; `None` in epochs without validation.
        validation_accuracy: Likewise.
        steps_per_second: Training steps per second of its compiled calls.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    steps_per_second: float


class Offsets(NamedTuple):
    """The offsets of both logs of a training."""

    steps: Offset = BEGINNING
    epochs: Offset = BEGINNING


class Logs:
    """The numbers of a training on disk: loss and accuracy of every step, and the records of the epochs."""

    def __init__(self, folder: Path) -> None:
        self.steps = Log(folder / "steps.f32", np.float32, columns=2)
        self.epochs = Log(folder / "epochs.f64", np.float64, columns=5)

    @property
    def paths(self) -> tuple[Path, Path]:
        """Their files."""
        return self.steps.path, self.epochs.path

    def offsets(self) -> Offsets:
        """The ends of both logs."""
        return Offsets(self.steps.offset(), self.epochs.offset())

    def rewind(self, offsets: Offsets) -> None:
        """Resumes both logs after their offsets or, where one is damaged, none; what is beyond them is cut off.

        Raises:
            UserError: A file does not hold the rows before its offset.
        """
        steps, epochs = self.steps.verify(offsets.steps), self.epochs.verify(offsets.epochs)
        self.steps.cut(offsets.steps, steps)
        self.epochs.cut(offsets.epochs, epochs)

    def add(self, record: EpochRecord) -> None:
        """Appends the record of the next epoch."""
        _, *numbers = astuple(record)
        self.epochs.append(np.array([numbers], np.float64))  # `None` is NaN there

    def records(self) -> list[EpochRecord]:
        """The records of all epochs."""
        return [_record(epoch, *row) for epoch, row in enumerate(self.epochs.read().tolist(), 1)]


def _record(epoch: int, loss: float, accuracy: float, *rest: float) -> EpochRecord:
    *validation, rate = rest
    validation_loss, validation_accuracy = (None if np.isnan(number) else number for number in validation)
    return EpochRecord(epoch, loss, accuracy, validation_loss, validation_accuracy, rate)


@dataclass
class History:
    """One training, over all processes that worked on it.

    Attributes:
        windows: Training steps of an epoch.
        leftover_steps: Time steps of each row that fill no window and are not trained on.
        preparation: Time this process spent before the first step could run.
        logs: Its numbers on disk.
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
    logs: Logs
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

    @property
    def losses(self) -> Array:
        """Loss of each training step before its update, in nats; mapped from the file."""
        return self.logs.steps.read()[:, 0]

    @property
    def accuracies(self) -> Array:
        """Accuracy of each training step before its update; mapped from the file."""
        return self.logs.steps.read()[:, 1]

    def add(self, losses: Array, accuracies: Array, seconds: float) -> None:
        """Adds the results of one call of the training loop."""
        self.logs.steps.append(np.stack([losses, accuracies], axis=-1))
        self.steps += len(losses)
        self.steady_seconds += seconds
        self.epoch_seconds += seconds

    def end_epoch(self, validation_loss: float | None, validation_accuracy: float | None) -> EpochRecord:
        """Records the current epoch, in which all windows are done, and begins the next."""
        loss, accuracy = self.logs.steps.read(self.steps - self.windows).mean(axis=0, dtype=np.float64).tolist()
        rate = self.windows / self.epoch_seconds
        record = EpochRecord(len(self.epochs) + 1, loss, accuracy, validation_loss, validation_accuracy, rate)
        self.logs.add(record)
        self.epochs.append(record)
        self.epoch_seconds = 0.0
        return record
