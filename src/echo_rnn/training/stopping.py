"""Stop requests: a training finishes its current call, saves a checkpoint, and exits."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from echo_rnn.errors import second_termination

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(Exception):
    """A training ended before its last epoch on request; its progress is in a checkpoint."""

    def __init__(self, steps: int, total: int) -> None:
        super().__init__(f"stopped after step {steps:,} of {total:,}")


class StopRequest:
    """Whether a stop was requested; `signal` is the number of the signal that did, and 0 before."""

    def __init__(self, parent: int | None) -> None:
        self._parent = parent
        self.signal = 0

    def __call__(self) -> bool:
        """Checks again."""
        if not self.signal and self._parent not in (None, os.getppid()):
            self.signal = signal.SIGTERM
        return self.signal != 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal; the next one ends the process at once, see `second_termination`."""
        self.signal = number
        for each in _SIGNALS:
            if signal.getsignal(each) == self.handle:  # and is not ignored
                signal.signal(each, second_termination() if each == signal.SIGTERM else signal.SIG_DFL)


@contextmanager
def stop_requests(parent: int | None = None) -> Iterator[StopRequest]:
    """Turns SIGTERM and Ctrl-C inside the block into stop requests, unless they are ignored.

    Args:
        parent: A process whose end counts as SIGTERM. A killed `dvc` does not end the stage that it had started, and
            the next `dvc` would start a second one beside it.
    """
    request = StopRequest(parent)
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _SIGNALS if in_main_thread}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, request.handle)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
