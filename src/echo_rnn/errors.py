"""How programs end where a user can mend the cause, or the machine had too little of something."""

import errno
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from echo_rnn.core.errors import UserError

__all__ = ["EXIT_CODE", "UserError", "is_full", "one_sentence", "shortage"]

EXIT_CODE = 2

_FULL = (errno.ENOSPC, errno.EDQUOT)
# Libraries in between keep the words where they lose the number: the system's, and SQLite's.
_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "database or disk is full")


@contextmanager
def one_sentence() -> Iterator[None]:
    """Ends the program with one sentence and exit code 2 instead of a traceback, for what a person can mend.

    That is a `UserError`, a full disk, and too little memory. Ctrl-C ends it with the exit code that a shell gives for
    the signal.
    """
    try:
        yield
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
    except Exception as error:
        said = str(error) if isinstance(error, UserError) else shortage(error)
        if said is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        raise SystemExit(EXIT_CODE) from None


def shortage(error: BaseException) -> str | None:
    """The sentence for a disk that is full or memory that ran out; `None` for any other error.

    TensorFlow has one class of error for both, `ResourceExhaustedError`, so its words decide.
    """
    seen: BaseException | None = error
    met: set[int] = set()  # a chain may lead back to itself where an error was raised out of its own handling
    while seen is not None and id(seen) not in met:
        met.add(id(seen))
        if is_full(seen):
            place = getattr(seen, "filename", None) or "disk"
            return f"{place}: expected room to write, got a full disk; make room and run the same command again"
        if isinstance(seen, MemoryError) or type(seen).__name__ == "ResourceExhaustedError":
            words = " ".join(str(seen).split())[:200]
            return (
                f"memory: expected enough of it, got {words or 'none'}; lower task.batch_size, trainer.window, "
                "model.units or model.layers"
            )
        seen = seen.__cause__ or seen.__context__
    return None


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error) for words in _FULL_WORDS)
