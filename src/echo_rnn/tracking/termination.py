"""SIGTERM as an exception, so that `with` blocks close what they opened."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Terminated(SystemExit):
    """A signal has requested the end of the process; the exit code is the one that a shell gives for the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def termination_raises() -> Iterator[None]:
    """Raises `Terminated` on SIGTERM inside the block, unless another handler is installed already."""
    installs = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if installs:
        signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        if installs:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    # A second signal ends the process at once, without the clean-up.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise Terminated(number)
