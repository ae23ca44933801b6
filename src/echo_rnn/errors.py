"""How programs end where a user can mend the cause, or the machine has too little of something."""

import errno
import io
import os
import re
import resource
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from echo_rnn.core.errors import UserError

__all__ = [
    "PrunedError",
    "Terminated",
    "UserError",
    "as_user_error",
    "full_disk",
    "is_full",
    "is_submitted",
    "line_of",
    "no_locks",
    "one_sentence",
    "parse_line",
    "refused_by_system",
    "second_termination",
    "termination_raises",
    "to_its_end",
]

_FULL = (errno.ENOSPC, errno.EDQUOT)
# What a person can mend, or the machine has too little of.
_REFUSALS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EFBIG, errno.ENOLCK),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ESTALE),
)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # in answer to a lock
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)  # whichever it is that could not be opened
# Libraries in between keep the words where they lose the number: the system's, and SQLite's.
_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "database or disk is full")


@contextmanager
def one_sentence() -> Iterator[None]:
    """Ends the program with one line and exit code 2 instead of a traceback, for what a person can mend.

    That is a `UserError`, a full disk, too little memory, or too many open files. Ctrl-C and SIGTERM end it with a word
    and the exit code that a shell gives for the signal; so does, without a word, a reader of what is printed that has
    gone, such as `head`. A character that the terminal cannot show is printed as `?` and ends nothing.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        with _signals_raise():
            yield
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        raise SystemExit(128 + signal.SIGPIPE) from None
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
    except Exception as error:
        mendable = as_user_error(error)
        if mendable is None:
            raise
        print(line_of(mendable), file=sys.stderr)
        raise SystemExit(2) from None


def _nobody_reads() -> bool:
    """Whether the reader of what is printed has gone; what is left to print is then dropped."""
    pipe, ends = sys.stdout.fileno(), select.poll()
    ends.register(pipe, 0)
    if not any(event & select.POLLERR for _, event in ends.poll(0)):
        return False
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 (its descriptor is what counts)
        os.dup2(nothing.fileno(), pipe)
    return True


@contextmanager
def to_its_end() -> Iterator[None]:
    """Around the work of a program: exit code 0 is for work that reached its end.

    Raises:
        UserError: The work was left by `sys.exit(0)`, in a cell of one's own, for instance.
    """
    try:
        yield
    except SystemExit as ending:
        if ending.code in (None, 0):
            raise UserError(
                "expected the work to be done, got sys.exit with code 0 in the middle of it; remove that call",
                "work.left",
            ) from ending
        raise


def line_of(error: UserError) -> str:
    """The line that a program prints for an error: its code and its sentence."""
    return f"error[{error.code}]: {error}"


def parse_line(line: str) -> UserError | None:
    """The error of a line that `line_of` made, for the parent of a process that printed it; `None` for other lines."""
    match = re.fullmatch(r"error\[([\w.]+)\]: (.*)", line)
    return UserError(match[2], match[1]) if match else None


def as_user_error(error: BaseException) -> UserError | None:
    """What a person can mend as a `UserError`: such an error itself, a full disk, or too little memory; else `None`.

    TensorFlow has one class of error for the last two, `ResourceExhaustedError`, so its words decide.
    """
    if isinstance(error, UserError):
        return error
    cause: BaseException | None = error
    seen: set[int] = set()  # a chain is a circle where an error was raised while it was handled itself
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if is_full(cause):
            return full_disk(getattr(cause, "filename", None) or "disk")
        if isinstance(cause, OSError) and cause.errno in _TOO_MANY_FILES:
            return refused_by_system(cause.filename, cause)
        if isinstance(cause, OSError) and cause.errno in _REFUSALS and cause.filename is not None:
            return refused_by_system(cause.filename, cause)
        if isinstance(cause, MemoryError) or type(cause).__name__ == "ResourceExhaustedError":
            words = " ".join(str(cause).split())[:200]
            return UserError(
                f"memory: expected enough of it, got {words or 'none'}; lower task.batch_size, trainer.window, "
                "model.units or model.layers",
                "memory.exhausted",
            )
        cause = cause.__cause__ or cause.__context__
    return None


def refused_by_system(place: object, error: OSError) -> UserError:
    """The error for a file or folder that the system does not let be read, written, moved or removed."""
    if error.errno in _TOO_MANY_FILES:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return UserError(
            f"open files: expected to open another one, got the limit of {limit}; raise it: ulimit -n 1024",
            "files.too_many",
        )
    reason = (error.strerror or " ".join(str(error).split())).lower()
    return UserError(
        f"{place}: expected to use it, got the system's answer '{reason}'; change what stands there", "disk.unwritable"
    )


def no_locks(place: object, error: OSError) -> UserError | None:
    """The error for a file on a file system that has no locks, where that is what a lock was answered with."""
    if error.errno not in _NO_LOCKS:
        return None
    reason = (error.strerror or str(error)).lower()
    return UserError(
        f"{place}: expected a file system on which files can be locked, got the system's answer '{reason}'; mount it "
        "with locks, or work in a folder on a local disk",
        "disk.no_locks",
    )


def full_disk(place: object) -> UserError:
    """The error for a file, a folder or a disk without room."""
    return UserError(
        f"{place}: expected room to write, got a full disk; make room and run the same command again", "disk.full"
    )


def is_full(error: BaseException) -> bool:
    """Whether an error is about a full disk."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error) for words in _FULL_WORDS)


class PrunedError(Exception):
    """A training was left because others are better; that is no failure, and its run ends as FINISHED."""


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


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Raises `KeyboardInterrupt` or `Terminated` on a signal inside the block, unless the signal is ignored."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _raise}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    before = {number: signal.getsignal(number) for number in handlers}
    heeded = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, handlers[number])
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def is_submitted() -> bool:
    """Whether submitit started this process, or one above it, on a cluster or on this machine."""
    return "SUBMITIT_EXECUTOR" in os.environ


def second_termination() -> signal.Handlers:
    """What a second SIGTERM does: it ends the process at once, without the clean-up.

    On a cluster it does nothing: the cluster sends the signal to all processes of a job, the parent passes it on, and
    the cluster kills what does not end in time.
    """
    return signal.SIG_IGN if is_submitted() else signal.SIG_DFL


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, second_termination())
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"stopped\n")  # `print` may be at work
    raise Terminated(number)
