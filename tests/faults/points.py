"""Every change that a process makes to files is a point at which it can be killed, or at which the change can fail.

Python tells of a change before it is made (`sys.addaudithook`): what the hook raises, the call raises. Bringing to disk
has no event, so `os.fsync` is wrapped. Of a database, each commit is a point; that a commit is whole or not there is
SQLite's own promise.
"""

import errno
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

KILLED = "killed"
FAULTS = {KILLED: 0, "no space": errno.ENOSPC, "I/O error": errno.EIO, "permission denied": errno.EACCES}

# What SQLite answers then.
_ANSWERS = {
    "no space": "database or disk is full",
    "I/O error": "disk I/O error",
    "permission denied": "attempt to write a readonly database",
}

_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Where the path and the folder it is relative to stand among an event's arguments.
_EVENTS = {
    "os.rename": (1, 3),
    "os.remove": (0, 1),
    "os.mkdir": (0, 2),
    "os.rmdir": (0, 1),
    "os.truncate": (0, None),
    "os.link": (1, 3),
    "os.symlink": (1, 2),
    "os.chmod": (0, 2),
}


class Points:
    """Counts the changes below some folders, writes them down, and injects a fault at one."""

    def __init__(self, roots, record, at=None, fault=KILLED):
        self._roots = [os.fspath(root) + os.sep for root in roots]
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._at = at
        self._fault = fault
        self._count = 0
        self._lock = threading.Lock()
        self._inside = threading.local()

    def install(self):
        self._fsync = os.fsync
        os.fsync = self._synced
        sys.addaudithook(self._hook)
        event.listen(Engine, "commit", self._committed)

    def _hook(self, event, arguments):
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and flags & _CHANGES:
                self._change(event, path, -1)
        elif event in _EVENTS:
            place, folder = _EVENTS[event]
            source = arguments[0] if event == "os.rename" else ""
            self._change(event, arguments[place], -1 if folder is None else arguments[folder], source)

    def _synced(self, descriptor):
        self._change("os.fsync", descriptor, -1)
        self._fsync(descriptor)

    def _committed(self, connection):
        try:
            self._change("commit", connection.engine.url.database, -1)
        except OSError as error:
            answer = sqlite3.OperationalError(_ANSWERS[self._fault])
            raise OperationalError("COMMIT", {}, answer) from error

    def _change(self, event, path, folder, source=""):
        if path is None or getattr(self._inside, "change", False):
            return  # a change that is made while one is written down here
        self._inside.change = True
        try:
            whole = _whole(path, folder)
            below = f"{whole}{os.sep}".startswith(tuple(self._roots))
            if not below or (event == "os.mkdir" and Path(whole).is_dir()):
                return
            moved = _whole(source, -1) if source else ""
            with self._lock:
                self._count += 1
                count = self._count
                os.write(self._record, f"{event}\t{whole}\t{moved}\t{threading.get_ident()}\n".encode())
            if count != self._at:
                return
        finally:
            self._inside.change = False
        if self._fault == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        number = FAULTS[self._fault]
        raise OSError(number, os.strerror(number), whole)


def _whole(path, folder):
    if isinstance(path, int):
        return os.fspath(Path(f"/proc/self/fd/{path}").readlink())
    path = Path(os.fsdecode(path))
    if not path.is_absolute() and folder not in (-1, None):
        return os.fspath(Path(f"/proc/self/fd/{folder}").readlink() / path)
    return os.fspath(path.absolute())


def read(record):
    """The points in a record: event, path, for a move where it comes from, and the thread."""
    return [tuple(line.split("\t", 3)) for line in Path(record).read_text(errors="replace").splitlines()]
