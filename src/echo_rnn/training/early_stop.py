"""When training stops before its last epoch, and which variables it keeps."""

import math

from echo_rnn.config import schema
from echo_rnn.training.learner import Snapshot


class EarlyStop:
    """Remembers the variables with the lowest validation loss; without a patience it remembers and stops nothing.

    Two losses are kept apart. `min_delta` decides what is worth going on for, so that a slow creep ends; the variables
    remembered are those with the lowest loss of all.
    """

    def __init__(self, settings: schema.EarlyStop) -> None:
        self._settings = settings
        self._lowest = self._to_improve_on = math.inf
        self._looks_without = 0
        self.best: Snapshot | None = None
        """The variables with the lowest validation loss."""
        self.best_epoch = 0
        """Their epoch."""

    @property
    def exhausted(self) -> bool:
        """Whether the patience has run out."""
        return self._settings.patience is not None and self._looks_without >= self._settings.patience

    def look(self, loss: float, epoch: int, variables: Snapshot) -> None:
        """Takes the validation loss after `epoch` and the variables that gave it."""
        if self._settings.patience is None:
            return
        if loss < self._lowest:
            self._lowest, self.best, self.best_epoch = loss, variables, epoch
        if loss < self._to_improve_on - self._settings.min_delta:
            self._to_improve_on, self._looks_without = loss, 0
        else:
            self._looks_without += 1
