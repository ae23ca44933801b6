"""The outbox of a run: what it logs, written on this machine before it is delivered, one line of JSON per entry.

outbox/<run>/entries.jsonl      only appended to; the first line is the header: where the run belongs
outbox/<run>/delivered_entries  how many of them are in the store
outbox/<run>/files/             copies of the files that entries name
outbox/<run>/lock               held by the process that writes or delivers

A process may die at any moment. What it has appended is there; a line that was cut short is dropped; and what was
delivered but not noted as delivered is delivered again, which must not store it twice (`deliver`).
"""

import json
import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from echo_rnn.errors import UserError
from echo_rnn.files import unwritable, write_text

FOLDER = "outbox"
"""The folder of all outboxes of a project."""
_ENTRIES, _DELIVERED, _FILES, _LOCK = "entries.jsonl", "delivered_entries", "files", "lock"

Entry = dict[str, Any]
"""One thing that was logged; `kind` selects how it is delivered."""


class InUseError(UserError):
    """Another process has the run open."""


class Header(NamedTuple):
    """Where a run belongs: its id, its store's address without credentials, its experiment's name and id there."""

    run_id: str
    address: str
    experiment: str
    experiment_id: str


class Outbox:
    """The outbox of one run, locked by this process until it is closed."""

    def __init__(self, folder: Path, header: Header | None = None, seconds: float = 0) -> None:
        """Opens the outbox in `folder`, or creates that of a run that has none.

        Args:
            folder: Its folder, named by the id of the run.
            header: Where the run belongs, to create it.
            seconds: How long another process that holds it is waited for.

        Raises:
            FileNotFoundError: There is none to open, or it has just been removed.
            UserError: Another process holds it (`InUseError`), it is damaged, or it cannot be written.
        """
        if header is None and not (folder / _ENTRIES).is_file():
            raise FileNotFoundError(folder)
        self.folder = folder
        self._appending = threading.Lock()
        self._closed = False
        # Not bound to a thread: the thread that delivers may release it.
        self._lock = FileLock(folder / _LOCK, timeout=seconds, thread_local=False)
        try:
            if header is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise InUseError(
                f"run {folder.name}: another process writes or delivers it; wait until that process has ended",
                "outbox.locked",
            ) from None
        except OSError as error:
            raise unwritable(folder, error) from None
        try:
            if header is not None:
                write_text(folder / _ENTRIES, json.dumps(header._asdict()) + "\n")
            self.header, self.entries = _read(folder)
            self._file = os.open(folder / _ENTRIES, os.O_RDWR | os.O_APPEND)
        except BaseException:
            self._lock.release()
            raise
        # Where the number is damaged or too large, all is delivered again, which stores nothing twice.
        self._delivered = 0
        with suppress(FileNotFoundError, ValueError):
            number = int((folder / _DELIVERED).read_text(encoding="utf-8"))
            self._delivered = number if 0 <= number <= len(self.entries) else 0
        # Removes the part of a last line that a process wrote before it died.
        os.ftruncate(self._file, os.pread(self._file, os.fstat(self._file).st_size, 0).rfind(b"\n") + 1)

    def append(self, *entries: Entry) -> None:
        """Appends entries, all or none.

        Raises:
            UserError: They cannot be written to the disk.
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
            self.entries += entries

    def copy_in(self, source: Path) -> str:
        """Copies a file or a folder into the outbox, and returns the name for an entry's `copy`."""
        files = self.folder / _FILES
        try:
            files.mkdir(exist_ok=True)
            copy = Path(tempfile.mkdtemp(dir=files)) / source.name
            shutil.copytree(source, copy) if source.is_dir() else shutil.copyfile(source, copy)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        return copy.relative_to(self.folder).as_posix()

    @property
    def undelivered(self) -> list[Entry]:
        """The entries that are not yet in the store."""
        return self.entries[self._delivered :]

    @property
    def ended(self) -> bool:
        """Whether the last state of the run is an end."""
        states = (entry["status"] for entry in reversed(self.entries) if entry["kind"] == "status")
        return next(states, "RUNNING") != "RUNNING"

    def mark_delivered(self, count: int) -> None:
        """Notes that the first `count` undelivered entries are in the store, and removes their copies of files."""
        if self._closed:
            return  # another process may have opened it
        delivered = self.undelivered[:count]
        self._delivered += count
        write_text(self.folder / _DELIVERED, str(self._delivered))
        for entry in delivered:
            if "copy" in entry:
                shutil.rmtree((self.folder / entry["copy"]).parent, ignore_errors=True)

    def close(self) -> None:
        """Releases the outbox, and removes it where the run has ended and everything was delivered."""
        self._closed = True
        try:
            if self.ended and not self.undelivered:
                # First: a folder without entries is not an outbox, even if this process dies here.
                (self.folder / _ENTRIES).unlink()
                shutil.rmtree(self.folder)
        finally:
            os.close(self._file)
            self._lock.release()


def find_outboxes(folder: Path) -> tuple[dict[str, Header], list[str]]:
    """The headers of the outboxes in `folder` by run id, and a sentence for each one that cannot be read."""
    headers, damaged = {}, []
    for outbox in sorted(folder.glob("*")):
        try:
            headers[outbox.name], _ = _read(outbox)
        except UserError as damage:
            damaged.append(str(damage))
        except OSError:
            continue  # not an outbox, or just removed
    return headers, damaged


def _read(folder: Path) -> tuple[Header, list[Entry]]:
    # What follows the last end of a line was cut when its process died, or is being written.
    *lines, _ = (folder / _ENTRIES).read_bytes().split(b"\n")
    try:
        header, *entries = map(json.loads, lines)
        if all(isinstance(entry, dict) for entry in entries):
            return Header(**header), entries
    except (ValueError, TypeError):
        pass
    raise UserError(
        f"{folder / _ENTRIES}: expected one JSON object per line, as a run writes them, got something else; move the "
        "folder away to work without its content",
        "outbox.damaged",
    )
