"""Files that are whole or not there, also after a power cut: nothing else here writes, moves or removes a file.

What is made is made in a scratch folder, brought to disk, and moved into its place; what is removed is moved away
first. The scratch folder of a process is in the folder that it owns (see `stages.alone`), outside of everything that
DVC caches and on the same file system. What a killed process left in it is removed by the next owner. A process that
owns nothing there names itself in its scratch paths: while it lives, they stay.
"""

import csv
import hashlib
import io
import json
import math
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from echo_rnn.environment import has_ended, signature
from echo_rnn.errors import UserError, full_disk, is_full, refused_by_system

SCRATCH = ".scratch"
"""The scratch folder of a folder with an owner; elsewhere, folders that begin so lie beside what is written."""

_LONGEST_NAME = 100  # bytes of the end of a file's name that a scratch path has

_OWNED: ContextVar[tuple[Path, ...]] = ContextVar("_OWNED", default=())


def is_owned(folder: Path) -> bool:
    """Whether this thread owns `folder`."""
    return folder.absolute() in _OWNED.get()


@contextmanager
def owning(folder: Path) -> Iterator[None]:
    """Inside the block this thread has a scratch folder in `folder`, which is locked; leftovers are removed."""
    root = folder.absolute()
    _discard(root / SCRATCH)
    remove_leftovers(*(each for each in root.iterdir() if each.is_dir()))
    token = _OWNED.set((*_OWNED.get(), root))
    try:
        yield
    finally:
        _OWNED.reset(token)
        _discard(root / SCRATCH)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path with the name of `path`; it takes the place of `path` only when the block succeeds.

    Raises:
        UserError: The file cannot be written; what was there before is whole.
    """
    with _writing(path), _scratch(path.parent, path.name) as scratch:
        yield scratch
        _publish({scratch: path})


@contextmanager
def replacing_files(folder: Path, last: str) -> Iterator[Path]:
    """Yields a scratch folder; its files take their places in `folder` when the block succeeds.

    Args:
        folder: Made where it is missing; other files in it are not touched.
        last: The file that describes the others, and takes its place when they are on disk.

    Raises:
        UserError: A file cannot be written.
    """
    with _writing(folder), _scratch(folder) as scratch:
        scratch.mkdir()
        yield scratch
        made = sorted(scratch.iterdir(), key=lambda path: (path.name == last, path.name))
        _publish({path: folder / path.name for path in made})


@contextmanager
def making_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder that appears as `folder`, which there is none of, when the block succeeds.

    Raises:
        UserError: It cannot be written.
    """
    with _writing(folder), _scratch(folder.parent) as made:
        made.mkdir()
        yield made
        for path in (*made.rglob("*"), made):
            sync(path)
        made.rename(folder)
        sync(folder.parent)


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """Yields an empty folder on the file system of the folder `beside`; it is removed after the block.

    Raises:
        UserError: It cannot be made.
    """
    with _scratch(beside) as made:
        with _writing(beside):
            made.mkdir()
        yield made


def link(source: Path, target: Path) -> None:
    """Makes `target` the same file as `source`, or a copy where the system has no links.

    What is written here replaces files and never writes into them, so that the other one stays as it is.
    """
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def move(source: Path, target: Path) -> None:
    """Moves a file or a folder within a file system.

    Raises:
        UserError: The system does not let it be moved.
    """
    with _writing(target):
        make_folder(target.parent)
        source.rename(target)


def remove(*paths: Path) -> None:
    """Removes files and folders, each at once, in this order; what cannot be removed is named in a warning."""
    for path in paths:
        if not path.is_symlink() and not path.exists():
            continue
        try:
            with _scratch(path.parent) as scratch:
                path.rename(scratch)
        except FileNotFoundError:
            continue  # another process has just removed it
        except OSError as error:
            _left(path, error)


def remove_leftovers(*folders: Path) -> None:
    """Removes from folders what processes left there that owned nothing and have ended."""
    for folder in folders:
        for path in folder.glob(f"{SCRATCH}-*"):
            if not _has_living_maker(path):
                _discard(path)


def _has_living_maker(path: Path) -> bool:
    """Whether the process may be alive that signed a scratch path."""
    match = re.fullmatch(rf"{SCRATCH}-((?:[0-9a-f]+-){{3}}\d+-[\d.]+)-.*", path.name, re.DOTALL)
    return match is not None and not has_ended(match[1])


def append(path: Path, content: bytes, *, durable: bool) -> None:
    """Appends to a file, all or nothing.

    Args:
        path: The file; made where it is missing.
        content: What is appended.
        durable: Whether it, and what was appended before, is brought to disk.

    Raises:
        UserError: It cannot be written.
    """
    with _writing(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            if file.write(content) < len(content):
                raise OSError("only a part was written")
            if durable:
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise


def redirect(path: Path, *descriptors: int) -> None:
    """Appends to a file what is written to these descriptors from now on."""
    with path.open("ab") as file:
        for descriptor in descriptors:
            os.dup2(file.fileno(), descriptor)


def cut(path: Path, length: int) -> None:
    """Shortens a file to `length` bytes; an empty one is made where there is none.

    Raises:
        UserError: It cannot be written.
    """
    with _writing(path):
        make_folder(path.parent)
        with path.open("ab") as file:
            file.truncate(length)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, on disk, where they are missing."""
    missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync(each.parent)


def sync(path: Path) -> None:
    """Brings a file's content, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> UserError:
    """The error for a file or folder that the system does not let be written."""
    if is_full(error):
        return full_disk(path)
    return refused_by_system(path, error)


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_json(content: Any) -> str:
    """Indented JSON; NaN and infinities are refused."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def write_json(path: Path, content: Any) -> None:
    """Writes `content` to `path` atomically; see `as_json`."""
    write_text(path, as_json(content))


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a CSV file atomically; a cell is empty where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([None if isinstance(cell, float) and math.isnan(cell) else cell for cell in row] for row in rows)
    write_text(path, text.getvalue())


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def _scratch(folder: Path, name: str = "") -> Iterator[Path]:
    """A path on the file system of `folder` that does not exist; what is left there is removed.

    It ends as `name` does: savers choose their format by that.
    """
    make_folder(folder)
    end = os.fsencode(name)[-_LONGEST_NAME:].decode(errors="ignore")
    owned, unique = _owner_of(folder), f"{uuid.uuid4().hex}-{end}"
    if owned:
        (owned / SCRATCH).mkdir(exist_ok=True)
        scratch = owned / SCRATCH / unique
    else:
        scratch = folder / f"{SCRATCH}-{signature()}-{unique}"
    try:
        yield scratch
    finally:
        _discard(scratch)


def _owner_of(folder: Path) -> Path | None:
    """The nearest folder from `folder` upwards that this thread owns, if it is on the same file system."""
    place = folder.absolute()
    above = [root for root in _OWNED.get() if place.is_relative_to(root)]
    nearest = max(above, key=lambda root: len(root.parts), default=None)
    return nearest if nearest and nearest.stat().st_dev == folder.stat().st_dev else None


def _publish(files: Mapping[Path, Path]) -> None:
    """Moves files to places in one folder when all are on disk, and the last when the others have their places."""
    for file in files:
        sync(file)
    *_, last = files.values()
    for file, place in files.items():
        if place == last and len(files) > 1:
            sync(place.parent)
        # A move takes no room and never writes into the old file, which may be a link into DVC's cache or mapped by a
        # reader.
        file.replace(place)
    sync(last.parent)


def _discard(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    try:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        _left(path, error)


def _left(path: Path, error: OSError) -> None:
    reason = (error.strerror or type(error).__name__).lower()
    print(f"warning: {path}: could not be removed ({reason}); remove it yourself", file=sys.stderr)
