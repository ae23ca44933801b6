"""Watches the numbers of a training: XLA drops checks inside the graph without a word, so they are made on the host."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np

from echo_rnn.core.windows.loop import Array
from echo_rnn.errors import UserError
from echo_rnn.training.progress import Progress

_SECONDS_BETWEEN_LOOKS = 0.5
_SHARE = 20


class BadNumbersError(UserError):
    """A number of a training became NaN or infinite; `seen` says which, and where."""

    def __init__(self, seen: str, remedy: str) -> None:
        super().__init__(f"training: {seen}; {remedy}")
        self.seen = seen


class Guard:
    """Keeps the last good progress, and ends a training whose numbers are no longer finite.

    Every loss is looked at. All variables and the carried state are copied to the host and looked at when the training
    starts, at the end of each epoch, before each checkpoint, and between these twice a second, or less often where
    copies are slow: they take at most about one part in twenty of the time. It holds one copy, and a second one while
    it looks.
    """

    def __init__(self, progress: Callable[[], Progress], keep: Callable[[Progress], Path], windows: int) -> None:
        """Takes the first copy.

        Args:
            progress: Gives a copy of what is looked at.
            keep: Writes the last good copy if it comes to that, and says where.
            windows: Training steps of an epoch.
        """
        self._progress = progress
        self._keep = keep
        self._windows = windows
        self._next_look = time.perf_counter() + _SECONDS_BETWEEN_LOOKS
        self.good = progress()
        """The progress when it was last looked at."""

    def check_losses(self, losses: Array, steps: int) -> None:
        """Takes the losses of the last of `steps` training steps.

        Raises:
            BadNumbersError: One is NaN or infinite, or a variable turned out to be.
        """
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            first = int(bad[0])
            self._give_up("a finite loss", f"{losses[first]} at", steps - len(losses) + first + 1)
        if time.perf_counter() >= self._next_look:
            self.check_variables()

    def check_variables(self) -> None:
        """Looks at everything; a loss is taken before its step's update and says nothing about that.

        Raises:
            BadNumbersError: Something is NaN or infinite.
        """
        start = time.perf_counter()
        progress = self._progress()
        if not progress.is_finite:
            self._give_up("finite weights, optimizer averages and state", "NaN or infinity after", progress.steps)
        self.good = progress
        now = time.perf_counter()
        self._next_look = now + max(_SECONDS_BETWEEN_LOOKS, _SHARE * (now - start))

    def check_validation(self, loss: float, steps: int) -> None:
        """Takes the loss on the validation series after `steps`.

        Raises:
            BadNumbersError: It is NaN or infinite.
        """
        if not np.isfinite(loss):
            self._give_up("a finite validation loss", f"{loss} after", steps)

    def _give_up(self, expected: str, came: str, step: int) -> NoReturn:
        epoch, window = divmod(step - 1, self._windows)
        kept = self._keep(self.good)
        raise BadNumbersError(
            f"expected {expected}, got {came} step {step} (epoch {epoch + 1}, window {window + 1})",
            f"lower optimizer.learning_rate or choose clipping=global_norm; "
            f"what was good after step {self.good.steps} is kept in {kept}",
        )
