"""One process at a time in a folder, and one measurement at a time on the machine.

The file of a lock is never removed: a process that waits for a file that another one removes would hold a lock that
nobody else sees.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from echo_rnn.errors import UserError
from echo_rnn.files import unwritable

# Another one may be about to end: it saves first, and sends its last numbers to a server for up to 10 seconds.
_QUIET_SECONDS, _PATIENCE_SECONDS = 1, 30


@contextmanager
def alone(folder: Path, work: str) -> Iterator[None]:
    """Locks `folder` for this process inside the block; the system releases it however the process ends.

    Where another process has it, prints so and waits half a minute.

    Args:
        folder: Made where it is missing.
        work: What is done there, for messages.

    Raises:
        UserError: Another process is at work there, or the folder cannot be made.
    """
    lock, holder = FileLock(folder / "lock"), folder / "process"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=_QUIET_SECONDS)
        except Timeout:
            other = _process(holder)
            note = f"note: {work}: another process is at work in {folder}{other and f', {other}'}"
            print(f"{note}; waiting up to {_PATIENCE_SECONDS} s for its end", file=sys.stderr)
            lock.acquire(timeout=_PATIENCE_SECONDS)
        holder.write_text(str(os.getpid()))
    except Timeout:
        other = _process(holder)
        raise UserError(
            f"{work}: expected to be alone in {folder}, got another process at work, {other or 'just started'}; wait "
            f"until it has ended{other and f', or end it: kill {other}'}",
            "folder.busy",
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _process(holder: Path) -> str:
    """The process that has a folder, or nothing where it has only just begun."""
    try:
        return holder.read_text()
    except FileNotFoundError:
        return ""


@contextmanager
def measuring(benchmarks: Path, *, wait: bool = False) -> Iterator[None]:
    """Keeps other measurements away inside the block: two at once would measure each other.

    Args:
        benchmarks: The folder below which all records are; made where it is missing.
        wait: Whether to wait until another one has ended.

    Raises:
        UserError: Another one is at work, and this one does not wait.
    """
    benchmarks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(benchmarks / "measuring.lock", timeout=-1 if wait else 0)
    try:
        held = lock.acquire()
    except Timeout:
        raise UserError(
            f"benchmark: expected to measure alone, got another measurement at work in {benchmarks}; "
            "wait until it has ended",
            "benchmark.busy",
        ) from None
    with held:
        yield
