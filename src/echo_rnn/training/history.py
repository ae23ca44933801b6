"""What a training leaves behind, beside the weights."""

from dataclasses import dataclass, field

from echo_rnn.windows.loop import Array, Preparation


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


@dataclass
class History:
    """One training.

    Attributes:
        windows: Training steps of an epoch.
        leftover_steps: Time steps of each row that fill no window and are not trained on.
        preparation: What it cost until the first step could run.
        losses: For each training step, before its update; an array for each call of the training loop.
        accuracies: Likewise.
        epochs: One record for each.
        steady_seconds: Spent in training steps.
        validation_seconds: Spent on the validation series.
        stopped_early: Whether the validation loss ended the training before its last epoch.
        kept_epoch: The epoch whose weights were kept: the last, unless early stopping went back to an earlier one.
        steps: Training steps done.
    """

    windows: int
    leftover_steps: int
    preparation: Preparation
    losses: list[Array] = field(default_factory=list)
    accuracies: list[Array] = field(default_factory=list)
    epochs: list[EpochRecord] = field(default_factory=list)
    steady_seconds: float = 0.0
    validation_seconds: float = 0.0
    stopped_early: bool = False
    kept_epoch: int = 0
    steps: int = 0

    def add(self, losses: Array, accuracies: Array, seconds: float) -> None:
        """Takes what one call of the training loop gave."""
        self.losses.append(losses)
        self.accuracies.append(accuracies)
        self.steady_seconds += seconds
        self.steps += len(losses)
