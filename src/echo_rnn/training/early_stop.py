"""Early stopping: ends a training whose validation loss no longer falls, and remembers the best variables."""

import math
from dataclasses import dataclass, replace

from echo_rnn.training.learner import Snapshot


@dataclass(frozen=True)
class Memory:
    """What early stopping remembers of the validation losses so far.

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


class EarlyStop:
    """Remembers the variables with the lowest validation loss; without a patience it does nothing.

    Two losses are remembered. Only one that improves by more than `min_delta` restarts the patience, so that a slow
    creep ends; the variables remembered are those with the lowest loss of all.
    """

    def __init__(self, patience: int | None, min_delta: float, memory: Memory | None = None) -> None:
        """Starts from the beginning, or resumes with `memory`.

        Args:
            patience: Validations without improvement after which training ends; `None` for never.
            min_delta: By how much a loss must fall to count as improvement, in nats.
            memory: The memory of an earlier process.
        """
        self._patience = patience
        self._min_delta = min_delta
        self.memory = memory or Memory()

    @property
    def exhausted(self) -> bool:
        """Whether the patience has run out."""
        return self._patience is not None and self.memory.looks_without >= self._patience

    def look(self, loss: float, epoch: int, variables: Snapshot) -> None:
        """Adds the validation loss after `epoch`, with the variables that gave it."""
        if self._patience is None:
            return
        if loss < self.memory.lowest:
            self.memory = replace(self.memory, lowest=loss, best=variables, best_epoch=epoch)
        if loss < self.memory.to_improve_on - self._min_delta:
            self.memory = replace(self.memory, to_improve_on=loss, looks_without=0)
        else:
            self.memory = replace(self.memory, looks_without=self.memory.looks_without + 1)
