"""Watches the numbers of a training: XLA drops checks inside the graph without a word, so they are made on the host."""

import time
from pathlib import Path
from typing import NoReturn

import numpy as np

from echo_rnn.errors import UserError
from echo_rnn.training import checkpoint
from echo_rnn.training.learner import Learner
from echo_rnn.windows.loop import Array

_SECONDS_BETWEEN_LOOKS = 0.5
_SHARE = 20


class Guard:
    """Keeps the last good variables, and ends a training whose numbers are no longer finite.

    Every loss is looked at. All variables are copied to the host and looked at when the training starts, at the end of
    each epoch, and between these twice a second, or less often where copies are slow: they take at most about one part
    in twenty of the time. It holds one copy, and a second one while it looks.
    """

    def __init__(self, learner: Learner, file: Path, windows: int) -> None:
        """Takes the first copy.

        Args:
            learner: Whose variables are kept.
            file: Where the last good ones are written if it comes to that.
            windows: Training steps of an epoch.
        """
        self._learner = learner
        self._file = file
        self._windows = windows
        self._next_look = time.perf_counter() + _SECONDS_BETWEEN_LOOKS
        self._good_steps = 0
        self.good = learner.snapshot()
        """The variables when they were last looked at."""

    def check_losses(self, losses: Array, steps: int) -> None:
        """Takes the losses of the last of `steps` training steps.

        Raises:
            UserError: One is NaN or infinite, or a variable turned out to be.
        """
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            first = int(bad[0])
            self._give_up("a finite loss", f"{losses[first]} at", steps - len(losses) + first + 1)
        if time.perf_counter() >= self._next_look:
            self.check_variables(steps)

    def check_variables(self, steps: int) -> None:
        """Looks at all variables; a loss is taken before its step's update and says nothing about that.

        Raises:
            UserError: One is NaN or infinite.
        """
        start = time.perf_counter()
        snapshot = self._learner.snapshot()
        if not snapshot.is_finite:
            self._give_up("finite weights and optimizer averages", "NaN or infinity after", steps)
        self.good, self._good_steps = snapshot, steps
        now = time.perf_counter()
        self._next_look = now + max(_SECONDS_BETWEEN_LOOKS, _SHARE * (now - start))

    def check_validation(self, loss: float, steps: int) -> None:
        """Takes the loss on the validation series after `steps`.

        Raises:
            UserError: It is NaN or infinite.
        """
        if not np.isfinite(loss):
            self._give_up("a finite validation loss", f"{loss} after", steps)

    def _give_up(self, expected: str, came: str, step: int) -> NoReturn:
        epoch, window = divmod(step - 1, self._windows)
        checkpoint.save(self._file, self.good, self._good_steps)
        raise UserError(
            f"training: expected {expected}, got {came} step {step} (epoch {epoch + 1}, window {window + 1}); "
            f"lower optimizer.learning_rate or choose clipping=global_norm; "
            f"the variables after step {self._good_steps} are kept in {self._file}"
        )
