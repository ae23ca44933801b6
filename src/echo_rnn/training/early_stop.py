"""When training stops before its last epoch, and which variables it keeps."""

import math
from dataclasses import dataclass, replace

from echo_rnn.config import schema
from echo_rnn.training.learner import Snapshot


@dataclass(frozen=True)
class Memory:
    """What early stopping knows of the looks so far.

    Attributes:
        lowest: The lowest validation loss.
        to_improve_on: The last one that was worth going on for.
        looks_without: Looks since then.
        best: The variables with the lowest loss.
        best_epoch: Their epoch.
    """

    lowest: float = math.inf
    to_improve_on: float = math.inf
    looks_without: int = 0
    best: Snapshot | None = None
    best_epoch: int = 0


class EarlyStop:
    """Remembers the variables with the lowest validation loss; without a patience it remembers and stops nothing.

    Two losses are kept apart. `min_delta` decides what is worth going on for, so that a slow creep ends; the variables
    remembered are those with the lowest loss of all.
    """

    def __init__(self, settings: schema.EarlyStop, memory: Memory | None = None) -> None:
        """Begins, or goes on from what was remembered."""
        self._settings = settings
        self.memory = memory or Memory()

    @property
    def exhausted(self) -> bool:
        """Whether the patience has run out."""
        return self._settings.patience is not None and self.memory.looks_without >= self._settings.patience

    def look(self, loss: float, epoch: int, variables: Snapshot) -> None:
        """Takes the validation loss after `epoch` and the variables that gave it."""
        if self._settings.patience is None:
            return
        if loss < self.memory.lowest:
            self.memory = replace(self.memory, lowest=loss, best=variables, best_epoch=epoch)
        if loss < self.memory.to_improve_on - self._settings.min_delta:
            self.memory = replace(self.memory, to_improve_on=loss, looks_without=0)
        else:
            self.memory = replace(self.memory, looks_without=self.memory.looks_without + 1)
