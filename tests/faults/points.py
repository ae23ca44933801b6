"""Every change that a command makes to files is a point at which it can be killed, or at which the change can fail.

Python tells of a change before it is made (`sys.addaudithook`): what the hook raises, the call raises. Bringing to disk
has no event, so `os.fsync` is wrapped. Of a database, each commit is a point; that a commit is whole or not there is
SQLite's own promise. The processes of a command share a record, in which each of their changes has a number.
"""

import errno
import fcntl
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

KILLED, CHILD_KILLED = "killed", "child killed"
"""The whole command, and the process alone that was about to make the change, where another one waits for it."""
FAILS = {"no space": errno.ENOSPC, "I/O error": errno.EIO, "permission denied": errno.EACCES}
FAULTS = (KILLED, *FAILS, CHILD_KILLED)

# What SQLite answers then.
_ANSWERS = {
    "no space": "database or disk is full",
    "I/O error": "disk I/O error",
    "permission denied": "attempt to write a readonly database",
}
_VARIABLE = "FAULTS_PLAN"

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


@dataclass(frozen=True)
class Plan:
    """What happens at the points of a command.

    Attributes:
        root: Changes below this folder are points.
        record: The file in which they are written down.
        at: The number of the point of the fault, from 1; 0 for no fault.
        fault: Which one.
        waits: Whether each change waits until somebody has looked at the files: see `asked`.
    """

    root: str
    record: str
    at: int = 0
    fault: str = ""
    waits: bool = False

    def publish(self):
        """For this process and those that it starts."""
        os.environ[_VARIABLE] = json.dumps(asdict(self))

    @property
    def asked(self):
        """The file with the id of a process that is there while its change waits; who removes it lets it be made."""
        return f"{self.record}.asked"


class Points:
    """Counts the changes of the plan that is published, writes them down, and injects the fault."""

    def __init__(self, is_child):
        self._plan = plan = Plan(**json.loads(os.environ[_VARIABLE]))
        self._root = plan.root + os.sep
        self._record = os.open(plan.record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._count = os.open(f"{plan.record}.count", os.O_RDWR | os.O_CREAT)
        self._is_child = is_child
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
            answer = sqlite3.OperationalError(_ANSWERS[self._plan.fault])
            raise OperationalError("COMMIT", {}, answer) from error

    def _change(self, event, path, folder, source=""):
        if path is None or getattr(self._inside, "change", False):
            return  # a change that is made while one is written down here
        self._inside.change = True
        try:
            whole = _whole(path, folder)
            below = f"{whole}{os.sep}".startswith(self._root)
            if not below or (event == "os.mkdir" and Path(whole).is_dir()):
                return
            moved = _whole(source, -1) if source else ""
            if self._counted(event, whole, moved) != self._plan.at:
                return
        finally:
            self._inside.change = False
        if self._plan.fault == CHILD_KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        number = FAILS[self._plan.fault]
        raise OSError(number, os.strerror(number), whole)

    def _counted(self, *facts):
        """The number of the change, which is written down."""
        thread = f"{os.getpid()}.{threading.get_ident()}"
        line = "\t".join([*facts, thread, "child" if self._is_child else ""])
        with self._lock:
            fcntl.flock(self._count, fcntl.LOCK_EX)
            try:
                number = 1 + int(os.pread(self._count, 20, 0) or b"0")
                os.pwrite(self._count, b"%d" % number, 0)
                os.write(self._record, f"{line}\n".encode())
                if self._plan.waits:
                    asking = Path(f"{self._plan.asked}-")
                    asking.write_text(str(os.getpid()))
                    asking.rename(self._plan.asked)
                    while os.access(self._plan.asked, os.F_OK):
                        time.sleep(0.0005)
                return number
            finally:
                fcntl.flock(self._count, fcntl.LOCK_UN)


def _whole(path, folder):
    if isinstance(path, int):
        return os.fspath(Path(f"/proc/self/fd/{path}").readlink())
    path = Path(os.fsdecode(path))
    if not path.is_absolute() and folder not in (-1, None):
        return os.fspath(Path(f"/proc/self/fd/{folder}").readlink() / path)
    return os.fspath(path.absolute())


@dataclass(frozen=True)
class Point:
    """A change: of what, for a move from where, by which process and thread, and whether that is a child process."""

    event: str
    path: str
    source: str
    thread: str
    is_child: bool


def read(record):
    """The points in a record."""
    lines = (line.split("\t") for line in Path(record).read_text(errors="replace").splitlines())
    return [Point(*facts, child == "child") for *facts, child in lines]
