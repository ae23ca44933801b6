"""What a training leaves behind, beside the weights."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from echo_rnn.core.windows.loop import Array, Preparation
from echo_rnn.training.log import BEGINNING, Log, Mark


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Attributes:
        epoch: From 1.
        loss: Mean over its training steps, in nats.
        accuracy: Mean over its training steps.
        validation_loss: On the validation series, where it was looked at.
        validation_accuracy: Likewise.
        steps_per_second: Training steps per second of its compiled calls.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    steps_per_second: float


class Marks(NamedTuple):
    """How far the logs of a history have come."""

    steps: Mark = BEGINNING
    epochs: Mark = BEGINNING


class Logs:
    """A history's numbers on disk: loss and accuracy of every training step, and the records of the epochs."""

    def __init__(self, folder: Path) -> None:
        self.steps = Log(folder / "steps.f32", np.float32, columns=2)
        self.epochs = Log(folder / "epochs.f64", np.float64, columns=5)

    @property
    def paths(self) -> tuple[Path, Path]:
        """Their files."""
        return self.steps.path, self.epochs.path

    def mark(self) -> Marks:
        """How far they have come."""
        return Marks(self.steps.mark(), self.epochs.mark())

    def rewind(self, marks: Marks) -> None:
        """Goes back to `marks`, with both or with none; see `Log.rewind`."""
        steps, epochs = self.steps.verified(marks.steps), self.epochs.verified(marks.epochs)
        self.steps.cut(marks.steps, steps)
        self.epochs.cut(marks.epochs, epochs)

    def add(self, record: EpochRecord) -> None:
        """Takes the record of the next epoch."""
        looked = (record.validation_loss, record.validation_accuracy)
        validation = (np.nan if number is None else number for number in looked)
        self.epochs.append(np.array([[record.loss, record.accuracy, *validation, record.steps_per_second]]))

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
        preparation: What it cost this process until the first step could run.
        logs: Its numbers on disk.
        epochs: One record for each.
        steps: Training steps done.
        steady_seconds: Spent in training steps.
        epoch_seconds: Likewise, in the current epoch.
        validation_seconds: Spent on the validation series.
        stopped_early: Whether the validation loss ended the training before its last epoch.
        kept_epoch: The epoch whose weights were kept: the last, unless early stopping went back to an earlier one.
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
    kept_epoch: int = 0

    @property
    def windows_done(self) -> int:
        """Windows of the current epoch that are done: all of them until its record is there."""
        return self.steps - len(self.epochs) * self.windows

    @property
    def losses(self) -> Array:
        """For each training step, before its update; mapped from the file, like all that `read` gives."""
        return self.logs.steps.read()[:, 0]

    @property
    def accuracies(self) -> Array:
        """Likewise."""
        return self.logs.steps.read()[:, 1]

    def add(self, losses: Array, accuracies: Array, seconds: float) -> None:
        """Takes what one call of the training loop gave."""
        self.logs.steps.append(np.stack([losses, accuracies], axis=-1))
        self.steps += len(losses)
        self.steady_seconds += seconds
        self.epoch_seconds += seconds

    def end_epoch(self, validation_loss: float | None, validation_accuracy: float | None) -> EpochRecord:
        """Makes the record of the current epoch, whose windows are all done, and begins the next."""
        loss, accuracy = self.logs.steps.read(self.steps - self.windows).mean(axis=0, dtype=np.float64).tolist()
        rate = self.windows / self.epoch_seconds
        record = EpochRecord(len(self.epochs) + 1, loss, accuracy, validation_loss, validation_accuracy, rate)
        self.logs.add(record)
        self.epochs.append(record)
        self.epoch_seconds = 0.0
        return record
