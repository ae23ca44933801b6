"""The outbox of a run: what it logs, written on this machine before it is delivered, one line of JSON per entry.

outbox.lock                     held while an outbox is made or what is left of one is removed
outbox/<run>/entries.jsonl      only appended to; the first line is the header: where the run belongs
outbox/<run>/delivered_entries  how many of them are in the store or were refused: the last line
outbox/<run>/refused.json       which of them the store refused, by number, and why
outbox/<run>/files/             copies of the files that entries name
outbox/<run>/lock               held by the process that writes or delivers

A process may die at any moment. What it has appended is there; a line that was cut short is dropped; and what was
delivered but not noted as delivered is delivered again, which must not store it twice (`deliver`). After a power cut
numbers may be missing, which a resumed training logs again; everything else is on disk before its entry.
"""

import json
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from filelock import Timeout

from echo_rnn import files
from echo_rnn.errors import UserError
from echo_rnn.locks import Lock, file_lock

FOLDER = "outbox"
"""The folder of all outboxes of a project."""
_ENTRIES, _DELIVERED, _REFUSED, _FILES, _LOCK = "entries.jsonl", "delivered_entries", "refused.json", "files", "lock"
_LOCK_SECONDS = 10

Entry = dict[str, Any]
"""One thing that was logged; `kind` selects how it is delivered."""


Replaced = tuple[str, ...]
"""A tag, a file, the state or the model of a run, of which the store has one."""
_NOTHING: Entry = {"kind": "tags", "values": {}}


class InUseError(UserError):
    """Another process has the run open."""


class Header(NamedTuple):
    """Where a run belongs.

    Attributes:
        run_id: Its id.
        address: Its store's address without credentials.
        experiment: Its experiment's name there.
        experiment_id: Its experiment's id there.
        host: The machine that writes it, see `environment.host`; empty where that is not known.
    """

    run_id: str
    address: str
    experiment: str
    experiment_id: str
    host: str = ""


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
        if header is None:
            self._lock = _locked(folder, seconds)
        else:
            self._lock = _made(folder, seconds, _lines(header._asdict()))
        try:
            self.header, self.entries = _read(folder)
            # Removes the part of a last line that a process wrote before it died.
            files.cut(folder / _ENTRIES, (folder / _ENTRIES).read_bytes().rfind(b"\n") + 1)
        except BaseException:
            self._lock.release()
            raise
        # Where the number is damaged or too large, all is delivered again, which stores nothing twice.
        self._delivered = 0
        with suppress(FileNotFoundError, ValueError, IndexError):
            number = int((folder / _DELIVERED).read_bytes().split(b"\n")[-2])
            self._delivered = number if 0 <= number <= len(self.entries) else 0
        self.refused: dict[int, str] = {}
        try:
            refused = json.loads((folder / _REFUSED).read_bytes())
            self.refused = {int(index): str(why) for index, why in refused.items() if int(index) < self._delivered}
        except FileNotFoundError:
            pass
        except (ValueError, AttributeError):
            self._delivered = 0
        self.retry()

    def append(self, *entries: Entry) -> None:
        """Appends entries, all or none. An outbox that was removed while its run is open is made again.

        Raises:
            UserError: They cannot be written to the disk.
        """
        with self._appending:
            if not (self.folder / _ENTRIES).is_file():
                self._lock.release()
                self._lock = _made(self.folder, 0, _lines(self.header._asdict(), *self.entries))
            # What a resumed training logs again need not survive a power cut.
            durable = any(entry["kind"] != "metrics" for entry in entries)
            files.append(self.folder / _ENTRIES, _lines(*entries), durable=durable)
            self.entries += entries

    @contextmanager
    def adding(self, name: str) -> Iterator[tuple[Path, str]]:
        """Yields a path that does not exist and its name for an entry's `copy`; what is made there is whole after it.

        Raises:
            UserError: It cannot be written.
        """
        folder = self.folder / _FILES / uuid.uuid4().hex
        with files.making_folder(folder) as made:
            yield made / name, (folder / name).relative_to(self.folder).as_posix()

    def copy_in(self, source: Path) -> str:
        """Copies a file into the outbox, and returns the name for an entry's `copy`."""
        with self.adding(source.name) as (path, copy):
            shutil.copyfile(source, path)
        return copy

    @property
    def undelivered(self) -> list[Entry]:
        """The entries that are still to be tried; first those that the store refused to an earlier process.

        Of these, what a later entry has replaced in the store is left out, or an old state would follow the last one.
        """
        return [self._left.get(index, self.entries[index]) for index in self._queue]

    @property
    def _queue(self) -> list[int]:
        return [*self._again, *range(self._delivered, len(self.entries))]

    @property
    def refusals(self) -> list[str]:
        """What the store refused, its file or its kind, and why."""
        what = {index: self.entries[index] for index in self.refused}
        return [f"{each.get('copy', each['kind'])}: {self.refused[index]}" for index, each in what.items()]

    @property
    def ended(self) -> bool:
        """Whether the last state of the run is an end."""
        states = (entry["status"] for entry in reversed(self.entries) if entry["kind"] == "status")
        return next(states, "RUNNING") != "RUNNING"

    def mark_delivered(self, count: int) -> None:
        """Notes that the first `count` undelivered entries are in the store, and removes their copies of files."""
        if self._closed:
            return  # another process may have opened it
        done = self._queue[:count]
        if taken := self.refused.keys() & done:
            self.refused = {index: why for index, why in self.refused.items() if index not in taken}
            self._write_refused()
        self._advance(done)
        copies = [self.entries[index]["copy"] for index in done if "copy" in self.entries[index]]
        files.remove(*[(self.folder / copy).parent for copy in copies])

    def pass_over(self, why: str) -> None:
        """Sets the first undelivered entry aside, since the store refuses it; the next process tries it again."""
        if self._closed:
            return
        first = self._queue[0]
        self.refused[first] = why
        self._write_refused()
        self._advance([first])

    def retry(self) -> None:
        """Queues what was refused once more, without what later entries have replaced in the store since."""
        self._again, self._left, replaced = sorted(self.refused), {}, set[Replaced]()
        for index in reversed(range(min(self.refused, default=self._delivered), self._delivered)):
            if index in self.refused:
                self._left[index] = _without(self.entries[index], replaced)
            else:
                replaced |= _replaced_by(self.entries[index])

    def _advance(self, done: list[int]) -> None:
        before = self._delivered
        self._again = [index for index in self._again if index not in done]
        self._delivered += sum(index >= before for index in done)
        if self._delivered > before and self.folder.is_dir():
            files.append(self.folder / _DELIVERED, b"%d\n" % self._delivered, durable=False)

    def _write_refused(self) -> None:
        if self.folder.is_dir():
            files.write_json(self.folder / _REFUSED, self.refused)

    def close(self) -> None:
        """Releases the outbox, and removes it where the run has ended and everything was delivered."""
        self._closed = True
        try:
            if self.ended and not self.undelivered and not self.refused:
                # First: a folder without entries is not an outbox, even if this process dies here.
                files.remove(self.folder / _ENTRIES, self.folder)
        finally:
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


def remove_leftovers(folder: Path) -> None:
    """Removes what processes that were killed left of outboxes they made or removed."""
    left = [each for each in folder.glob("*") if each.is_dir() and not (each / _ENTRIES).exists()]
    if left:
        with suppress(Timeout, OSError), _making(folder, 0):
            files.remove(*[each for each in left if not (each / _ENTRIES).exists()])


def _replaced_by(entry: Entry) -> set[Replaced]:
    """What the store has of an entry alone, also where an earlier one said otherwise."""
    match entry["kind"]:
        case "tags":
            return {("tag", name) for name in entry["values"]}
        case "file":
            return {("file", entry["folder"], Path(entry["copy"]).name)}
        case "status" | "model":
            return {(entry["kind"],)}
    return set()


def _without(entry: Entry, replaced: set[Replaced]) -> Entry:
    """What is left to deliver of an entry."""
    if entry["kind"] == "tags":
        values = {name: value for name, value in entry["values"].items() if ("tag", name) not in replaced}
        return {"kind": "tags", "values": values}
    return _NOTHING if _replaced_by(entry) & replaced else entry


def _making(outboxes: Path, seconds: float) -> Lock:
    return file_lock(f"{outboxes}.lock", seconds)


def _made(folder: Path, seconds: float, lines: bytes) -> Lock:
    """Makes an outbox with its first lines, or writes them over those of one; returns its lock, held."""
    try:
        files.make_folder(folder.parent)
        # So that nobody takes an outbox without entries for what is left of one.
        with _making(folder.parent, _LOCK_SECONDS):
            files.make_folder(folder)
            lock = _locked(folder, seconds)
            try:
                with files.replacing(folder / _ENTRIES) as path:
                    path.write_bytes(lines)
            except BaseException:
                lock.release()
                raise
            return lock
    except (OSError, Timeout) as error:
        raise files.unwritable(folder, OSError(*error.args)) from None


def _locked(folder: Path, seconds: float) -> Lock:
    # Not bound to a thread: the thread that delivers may release it.
    lock = file_lock(folder / _LOCK, seconds, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise InUseError(
            f"run {folder.name}: another process writes or delivers it; wait until that process has ended",
            "outbox.locked",
        ) from None
    except OSError as error:
        raise files.unwritable(folder, error) from None
    return lock


def _lines(*entries: Entry) -> bytes:
    return "".join(json.dumps(entry, allow_nan=False) + "\n" for entry in entries).encode()


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
