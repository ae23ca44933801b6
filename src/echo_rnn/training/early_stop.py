"""Early stopping: what a training remembers of its validation losses, and the best variables so far."""

import math
from dataclasses import dataclass, replace

from echo_rnn.training.learner import Snapshot


@dataclass(frozen=True)
class Memory:
    """What early stopping remembers of the validation losses so far.

    Two losses are remembered. Only one that improves by more than `min_delta` restarts the patience, so that a slow
    creep ends; the variables remembered are those with the lowest loss of all.

    Attributes:
        lowest: The lowest validation loss.
        to_improve_on: The last loss that improved by more than `min_delta`.
        looks_without: Validations since then.
        best: The variables with the lowest loss.
        best_epoch: Their epoch.
    """

    lowest: float = math.inf
    to_improve_on: float = math.inf
    looks_without: int = 0
    best: Snapshot | None = None
    best_epoch: int = 0

    def look(self, loss: float, epoch: int, variables: Snapshot, min_delta: float) -> "Memory":
        """The memory with the validation loss (in nats) after `epoch`, and the variables that gave it."""
        after = replace(self, lowest=loss, best=variables, best_epoch=epoch) if loss < self.lowest else self
        if loss < self.to_improve_on - min_delta:
            return replace(after, to_improve_on=loss, looks_without=0)
        return replace(after, looks_without=self.looks_without + 1)
