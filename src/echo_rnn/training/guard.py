"""Detects non-finite numbers in a training, on the host: XLA drops checks inside the graph without a warning."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np

from echo_rnn.core.windows.loop import Array
from echo_rnn.errors import UserError
from echo_rnn.training.checkpoints import Progress

_SECONDS_BETWEEN_LOOKS = 0.5
_SHARE = 20


class NonFiniteError(UserError):
    """A number of a training became NaN or infinite; `finding` is the part of the sentence with which and where."""

    def __init__(self, finding: str, remedy: str) -> None:
        super().__init__(f"training: {finding}; {remedy}", "training.non_finite")
        self.finding = finding


class Guard:
    """Holds the last finite progress, and ends a training in which a number is no longer finite.

    Every loss is checked. All variables and the carried state are copied to the host and checked when the training
    starts, at the end of each epoch, before each checkpoint, and between these twice a second, or less often where
    copies are slow: they take at most about one part in twenty of the time. It holds one copy, and a second one during
    a check.
    """

    def __init__(self, progress: Callable[[], Progress], save: Callable[[Progress], Path], windows: int) -> None:
        """Makes the first copy.

        Args:
            progress: Returns a copy of the current progress.
            save: Writes the last finite progress before the training ends with an error, and returns its path.
            windows: Training steps of an epoch.
        """
        self._progress = progress
        self._save = save
        self._windows = windows
        self._next_look = time.perf_counter() + _SECONDS_BETWEEN_LOOKS
        self.good = progress()
        """The progress at the last check."""

    def check_losses(self, losses: Array, steps: int) -> None:
        """Checks the losses of the last of `steps` training steps, and now and then the variables.

        Raises:
            NonFiniteError: A loss or a variable is NaN or infinite.
        """
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            first = int(bad[0])
            self._fail("a finite loss", f"{losses[first]} at", steps - len(losses) + first + 1)
        if time.perf_counter() >= self._next_look:
            self.check_variables()

    def check_variables(self) -> None:
        """Checks variables and state; a step's loss is computed before its update and does not show a bad one.

        Raises:
            NonFiniteError: One is NaN or infinite.
        """
        start = time.perf_counter()
        progress = self._progress()
        if not progress.is_finite:
            self._fail("finite weights, optimizer averages and state", "NaN or infinity after", progress.steps)
        self.good = progress
        now = time.perf_counter()
        self._next_look = now + max(_SECONDS_BETWEEN_LOOKS, _SHARE * (now - start))

    def check_validation(self, loss: float, steps: int) -> None:
        """Checks the loss on the validation series after `steps` training steps.

        Raises:
            NonFiniteError: It is NaN or infinite.
        """
        if not np.isfinite(loss):
            self._fail("a finite validation loss", f"{loss} after", steps)

    def _fail(self, expected: str, got: str, step: int) -> NoReturn:
        epoch, window = divmod(step - 1, self._windows)
        path = self._save(self.good)
        raise NonFiniteError(
            f"expected {expected}, got {got} step {step} (epoch {epoch + 1}, window {window + 1})",
            "lower optimizer.learning_rate or choose clipping=global_norm; "
            f"the last finite progress, after step {self.good.steps}, is in {path}",
        )
