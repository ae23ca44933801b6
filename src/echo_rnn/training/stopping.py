"""Asking a training to end: it finishes the call that it is in, saves, and leaves."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(Exception):
    """A training ended before its last epoch because it was asked to; what it had done is in a checkpoint."""

    def __init__(self, steps: int, total: int) -> None:
        super().__init__(f"stopped after step {steps:,} of {total:,}")


class Asked:
    """Whether a training was asked to end; `signal` says by which signal, and is 0 before."""

    def __init__(self, parent: int | None) -> None:
        self._parent = parent
        self.signal = 0

    def __call__(self) -> bool:
        """Looks again."""
        if not self.signal and self._parent not in (None, os.getppid()):
            self.signal = signal.SIGTERM
        return self.signal != 0

    def take(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal; the next one ends the process at once, wherever it is."""
        self.signal = number
        for each in _SIGNALS:
            if signal.getsignal(each) == self.take:  # and is not ignored
                signal.signal(each, signal.SIG_DFL)


@contextmanager
def asked_to_stop(parent: int | None = None) -> Iterator[Asked]:
    """Watches for SIGTERM and Ctrl-C inside the block, as far as they are not ignored.

    Args:
        parent: A process whose end counts as SIGTERM. A killed `dvc` leaves the stage that it had started alive, and
            the next one would find it at work.
    """
    asked = Asked(parent)
    handled = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _SIGNALS if handled}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, asked.take)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
