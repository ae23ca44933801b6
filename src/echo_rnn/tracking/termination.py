"""SIGTERM as an exception, so that `with` blocks close what they opened."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Terminated(SystemExit):
    """The process was asked to end; it leaves with the exit code that a shell gives for the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def termination_raises() -> Iterator[None]:
    """Raises `Terminated` on SIGTERM inside the block; a handler that somebody else has set stays in charge."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    # A second signal ends the process at once: whoever sends it does not want to wait for the clean-up.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise Terminated(number)
