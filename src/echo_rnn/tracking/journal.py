"""What a run logs, written down on this machine before it is sent: a line of JSON for each thing, in order.

pending/<run>/journal.jsonl   only ever appended to; its first line says where the run belongs
pending/<run>/sent            how many bytes of it the store has
pending/<run>/files/          copies of the files that lines name
pending/<run>/lock            held by the process that writes or sends

A process may die at any moment. What it has appended is there; a line that was cut short is dropped; and what was sent
but not noted as sent is sent again, which the store must not keep twice (`send`).
"""

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from echo_rnn.errors import UserError
from echo_rnn.files import unwritable, write_text

_LINES, _SENT, _FILES, _LOCK = "journal.jsonl", "sent", "files", "lock"

Entry = dict[str, Any]
"""One thing that was logged; `do` says what."""


@dataclass(frozen=True)
class Header:
    """Where a run belongs.

    Attributes:
        run_id: The run in its store.
        address: The store's address, without credentials.
        experiment: Name of the run's experiment.
        experiment_id: What the store calls it.
    """

    run_id: str
    address: str
    experiment: str
    experiment_id: str


class Line(NamedTuple):
    """An entry, and how many bytes the journal has up to its end."""

    entry: Entry
    end: int


class Journal:
    """The journal of one run, held by this process until it is closed."""

    def __init__(self, folder: Path, lock: FileLock) -> None:
        """Takes over a lock that is held; see `create` and `reopen`."""
        self.folder = folder
        self.header = header_of(folder)
        self._lock = lock
        self._appending = threading.Lock()
        self._closed = False
        self._file = os.open(folder / _LINES, os.O_RDWR | os.O_APPEND)
        # What a process that died left of its last line.
        whole = os.pread(self._file, os.fstat(self._file).st_size, 0).rfind(b"\n") + 1
        os.ftruncate(self._file, whole)

    @classmethod
    def create(cls, pending: Path, header: Header) -> "Journal":
        """Begins the journal of a run that has none."""
        folder = pending / header.run_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = _held(folder, seconds=0)
            write_text(folder / _LINES, json.dumps(asdict(header)) + "\n")
        except Timeout:  # which is an OSError, too
            raise UserError(f"run {header.run_id}: another process writes it; wait until that has ended") from None
        except OSError as error:
            raise unwritable(folder, error) from None
        return cls(folder, lock)

    @classmethod
    def reopen(cls, folder: Path, seconds: float = 0) -> "Journal":
        """Goes on with the journal in `folder`.

        Args:
            folder: Where it lies.
            seconds: How long to wait for a process that holds it.

        Raises:
            filelock.Timeout: Another process holds it.
            FileNotFoundError: There is none, or none any more.
            UserError: It is damaged.
        """
        if not is_journal(folder):
            raise FileNotFoundError(folder)
        lock = _held(folder, seconds)
        try:
            return cls(folder, lock)
        except BaseException:
            lock.release()
            raise

    def append(self, *entries: Entry) -> None:
        """Writes entries down, all or none.

        Raises:
            UserError: The disk does not take them.
        """
        lines = "".join(json.dumps(entry, allow_nan=False) + "\n" for entry in entries).encode()
        with self._appending:
            before = os.fstat(self._file).st_size
            try:
                if os.write(self._file, lines) < len(lines):
                    raise OSError("only a part was written")
            except OSError as error:
                os.ftruncate(self._file, before)
                raise unwritable(self.folder, error) from None

    def keep(self, source: Path) -> str:
        """Copies a file or a folder to where entries can name it, and gives the name."""
        files = self.folder / _FILES
        try:
            files.mkdir(exist_ok=True)
            kept = Path(tempfile.mkdtemp(dir=files)) / source.name
            shutil.copytree(source, kept) if source.is_dir() else shutil.copyfile(source, kept)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        return kept.relative_to(self.folder).as_posix()

    def lines(self, start: int | None = None) -> Iterator[Line]:
        """Yields the entries from byte `start`, or all of them."""
        with (self.folder / _LINES).open("rb") as file:
            if start is None:
                file.readline()  # the header
            else:
                file.seek(start)
            end = file.tell()
            for line in file:
                if not line.endswith(b"\n"):
                    return  # it is being written
                end += len(line)
                yield Line(_parsed(self.folder, line), end)

    @property
    def unsent(self) -> Iterator[Line]:
        """The entries that the store does not have yet."""
        try:
            start = int((self.folder / _SENT).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return self.lines()
        # A number that is damaged or leads out of the file says nothing, and what is sent again is not kept twice.
        return self.lines(start if 0 < start <= os.fstat(self._file).st_size else None)

    @property
    def ended(self) -> bool:
        """Whether the last thing that happened to the run is its end."""
        states = [line.entry["status"] for line in self.lines() if line.entry["do"] == "status"]
        return bool(states) and states[-1] != "RUNNING"

    def mark_sent(self, line: Line) -> None:
        """Notes that the store has everything up to a line; the copy of a file that it has goes."""
        if self._closed:
            return  # somebody else may have gone on with it
        write_text(self.folder / _SENT, str(line.end))
        if "kept" in line.entry:
            shutil.rmtree((self.folder / line.entry["kept"]).parent, ignore_errors=True)

    def mark_all_sent(self) -> None:
        """Notes that the store has everything that was written down so far."""
        *_, last = self.lines()
        self.mark_sent(last)

    def close(self) -> None:
        """Lets go of the journal; where the run has ended and everything was sent, the journal goes as well."""
        self._closed = True
        try:
            if self.ended and not any(True for _ in self.unsent):
                # First: a folder without it is none, whatever else may be left if this process dies here.
                (self.folder / _LINES).unlink()
                shutil.rmtree(self.folder)
        finally:
            os.close(self._file)
            self._lock.release()


def is_journal(folder: Path) -> bool:
    """Whether `folder` holds a journal."""
    return (folder / _LINES).is_file()


def header_of(folder: Path) -> Header:
    """Where the run of a journal belongs.

    Raises:
        UserError: The journal is damaged.
    """
    with (folder / _LINES).open("rb") as file:
        found = _parsed(folder, file.readline())
    try:
        return Header(**found)
    except TypeError:
        raise _damaged(folder) from None


def _held(folder: Path, seconds: float) -> FileLock:
    # Not of a thread: the uploader may be what lets go.
    lock = FileLock(folder / _LOCK, timeout=seconds, thread_local=False)
    lock.acquire()
    return lock


def _parsed(folder: Path, line: bytes) -> Entry:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise _damaged(folder)
    return entry


def _damaged(folder: Path) -> UserError:
    return UserError(
        f"{folder / _LINES}: expected one JSON object a line, as a run writes them, got something else; move the "
        "folder away to go on without what it holds"
    )
