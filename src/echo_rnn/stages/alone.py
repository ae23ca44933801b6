"""A folder has one owner from before its first byte to after its last; measurements have the machine to themselves.

The lock of a folder is `.owner.lock` in it, and `.owner` names the process that holds it. The file of a lock is never
removed: a process that waits for a file that another one removes would hold a lock that nobody else sees.
"""

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from echo_rnn.errors import UserError
from echo_rnn.files import is_owned, make_folder, owning, remove, unwritable
from echo_rnn.locks import file_lock

# Another one may be about to end: it saves first, and sends its last numbers to a server for up to 10 seconds.
_QUIET_SECONDS, PATIENCE_SECONDS = 1, 30
_LOCK, _OWNER = ".owner.lock", ".owner"


@contextmanager
def alone(folder: Path, work: str, *, seconds: float = PATIENCE_SECONDS, code: str = "folder.busy") -> Iterator[None]:
    """Inside the block this thread owns `folder`; the system ends that however the process ends.

    Where another process owns it, prints so and waits. A folder that this thread owns already is its own.

    Args:
        folder: Made where it is missing.
        work: What is done there, for messages.
        seconds: How long another owner is waited for; -1 is for ever.
        code: Of the error.

    Raises:
        UserError: Another process owns the folder, or it cannot be made or locked; nothing in it was changed.
    """
    if is_owned(folder):
        yield
        return
    lock, holder = file_lock(folder / _LOCK), folder / _OWNER
    try:
        make_folder(folder)
        try:
            lock.acquire(timeout=min(_QUIET_SECONDS, seconds) if seconds >= 0 else _QUIET_SECONDS)
        except Timeout:
            if not seconds:
                raise
            limit = f"up to {seconds:g} s " if seconds > 0 else ""
            note = f"note: {work}: expected to be alone in {folder}, got another process, {_process(holder)}"
            print(f"{note}; waiting {limit}for its end", file=sys.stderr)
            lock.acquire(timeout=seconds)
    except Timeout:
        raise UserError(
            f"{work}: expected to be alone in {folder}, got another process at work, {_process(holder)}; wait until it "
            f"has ended, or end it: {_kill(holder)}",
            code,
        ) from None
    except OSError as error:
        raise unwritable(folder / _LOCK, error) from error
    try:
        with owning(folder):
            try:
                holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node()}), encoding="utf-8")
            except OSError as error:
                raise unwritable(holder, error) from error
            try:
                yield
            finally:
                remove(holder)
    finally:
        lock.release()


def owner(folder: Path) -> str:
    """The process that owns a folder, for messages; empty where none does."""
    if is_owned(folder) or not (folder / _LOCK).exists():
        return ""
    try:
        with file_lock(folder / _LOCK, 0):
            return ""
    except Timeout:
        return _process(folder / _OWNER)
    except OSError as error:
        raise unwritable(folder / _LOCK, error) from error


@contextmanager
def measuring(benchmarks: Path, *, wait: bool = False) -> Iterator[None]:
    """Keeps other measurements away inside the block: two at once would measure each other.

    Args:
        benchmarks: The folder below which all records are; made where it is missing.
        wait: Whether to wait until another one has ended.

    Raises:
        UserError: Another one is at work, and this one does not wait.
    """
    with alone(benchmarks, "benchmark", seconds=-1 if wait else 0, code="benchmark.busy"):
        yield


def _holder(holder: Path) -> tuple[str, str]:
    """Id and machine of the process that owns a folder; empty where it has only just begun."""
    try:
        found = json.loads(holder.read_text(encoding="utf-8"))
        return str(int(found["pid"])), str(found["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _process(holder: Path) -> str:
    pid, host = _holder(holder)
    if not pid:
        return "which has just begun"
    return pid if host == platform.node() else f"{pid} on {host}"


def _kill(holder: Path) -> str:
    pid, host = _holder(holder)
    return f"kill {pid or 'PID'}" + ("" if host in ("", platform.node()) else f" on {host}")
