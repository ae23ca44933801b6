"""One process at a time in a folder, and one measurement at a time on the machine."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from echo_rnn.errors import UserError
from echo_rnn.files import unwritable

# Another one may be about to leave: it saves first, and sends its last numbers to a server for up to 10 seconds.
_QUIET_SECONDS, _PATIENCE_SECONDS = 1, 30
_AGAIN_SECONDS = 0.01


@contextmanager
def alone(folder: Path, work: str) -> Iterator[None]:
    """Keeps `folder` for this process inside the block; the system gives it back however the process ends.

    Where another one has it, waits half a minute, and says so.

    Args:
        folder: Made where it is missing, and removed at the end if nothing is in it.
        work: What is done there, for messages.

    Raises:
        UserError: Another process is at work there.
    """
    lock, name = FileLock(folder / "lock"), folder / "process"
    try:
        _acquire(lock, f"{work}: another process is at work in {folder}", name)
        name.write_text(str(os.getpid()))
    except Timeout:
        other = _process(name)
        raise UserError(
            f"{work}: expected to be alone in {folder}, found another process at work, {other or 'just started'}; wait "
            f"until it has ended{other and f', or end it: kill {other}'}"
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        name.unlink(missing_ok=True)
        # While it is held: whoever gets a lock whose file is gone lets it go and tries again.
        (folder / "lock").unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            folder.rmdir()


def _acquire(lock: FileLock, seen: str, name: Path) -> None:
    """Takes the lock; says what is `seen` where that takes time, and the process that `name` holds.

    Raises:
        Timeout: It has not come free.
    """
    try:
        _take(lock, _QUIET_SECONDS)
    except Timeout:
        other = _process(name)
        print(f"note: {seen}{other and f', {other}'}; waiting up to {_PATIENCE_SECONDS} s for its end", file=sys.stderr)
        _take(lock, _PATIENCE_SECONDS)


def _take(lock: FileLock, seconds: float) -> None:
    """Takes the lock, in a folder that whoever leaves may remove between any two steps of this.

    Raises:
        Timeout: It has not come free.
        OSError: The folder cannot be made.
    """
    deadline = time.monotonic() + seconds
    while not lock.is_locked:
        try:
            Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=max(0, deadline - time.monotonic()))
        except (FileNotFoundError, FileExistsError):
            if time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_SECONDS)


def _process(name: Path) -> str:
    """The process that has a folder, or nothing where it has only just begun."""
    try:
        return name.read_text()
    except FileNotFoundError:
        return ""


@contextmanager
def measuring(benchmarks: Path, *, wait: bool = False) -> Iterator[None]:
    """Two measurements at once would measure each other.

    Args:
        benchmarks: The folder below which all records are; made where it is missing.
        wait: Whether to wait until another one has ended.

    Raises:
        UserError: Another one is at work, and this one does not wait.
    """
    benchmarks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(benchmarks / "measuring.lock", timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"benchmark: expected to measure alone, found another measurement at work in {benchmarks}; "
            "wait until it has ended"
        ) from None
    try:
        yield
    finally:
        lock.release()
