"""Manifests: JSON files with a format version and a digest, and the folders of files that they describe.

A manifest that describes a folder is written last and has an entry (size and SHA-256) for every other file. Bits that
flipped in a `.npy` or `.npz` file load without an error; compared with the manifest they are refused.
"""

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.errors import UserError
from echo_rnn.files import as_json, sha256, write_text

DAMAGED = "manifest.damaged"
MISSING = "manifest.missing"
OTHER_VERSION = "manifest.other_version"


@dataclass(frozen=True)
class Manifest:
    """One kind of manifest.

    Attributes:
        kind: What it describes, for error messages.
        format: Version of its content; other versions are refused.
        remedy: What a person does about a file that differs from it.
        name: Its file name, where it describes a folder; empty where it is a file by itself.
    """

    kind: str
    format: int
    remedy: str
    name: str = ""

    def write(self, place: Path, content: dict[str, Any]) -> None:
        """Writes the manifest of the folder `place`, or the file `place` itself, atomically."""
        write_text(place / self.name, self.text(content))

    def write_into(self, scratch: Path, content: dict[str, Any]) -> None:
        """Writes the manifest into a scratch folder, which takes its place as a whole."""
        (scratch / self.name).write_text(self.text(content), encoding="utf-8")

    def text(self, content: dict[str, Any]) -> str:
        """The manifest as JSON: `content`, format version, digest. See `file_entry` for the part about a file."""
        body = {"format": self.format, **content}
        return as_json(body | {"digest": digest(body)})

    def read(self, place: Path) -> dict[str, Any]:
        """Reads what `write` wrote to `place`, and verifies its version and digest.

        Raises:
            UserError: There is no folder or no manifest, or it is damaged, edited, or of another version.
        """
        if self.name and not place.is_dir():
            raise self.mismatch(place, f"a folder with a {self.kind}", _what_is(place), MISSING)
        path = place / self.name
        self._require_file(path, f"the description of the {self.kind}")
        try:
            content: Any = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        except (ValueError, RecursionError) as error:
            raise self.mismatch(path, "JSON", f"text that is not ({error})") from error
        version = content.get("format") if isinstance(content, dict) else None
        if version != self.format:
            raise self.mismatch(path, f"{self.kind} format {self.format}", f"{version!r}", OTHER_VERSION)
        expected = content.get("digest")
        actual = digest({key: value for key, value in content.items() if key != "digest"})
        if expected != actual:
            raise self.mismatch(path, f"content with digest {expected}", f"edited content with digest {actual}")
        return dict(content)

    def verify(self, path: Path, entry: dict[str, Any], purpose: str) -> Path:
        """Returns `path` after comparing size and checksum of the file with its entry.

        Args:
            path: The file.
            entry: What `file_entry` gave when it was written.
            purpose: What it holds, for error messages.

        Raises:
            UserError: The file is missing, cut short, damaged, or edited.
        """
        self._require_file(path, purpose)
        if path.stat().st_size != entry["bytes"]:
            raise self.mismatch(path, f"{entry['bytes']} bytes", f"{path.stat().st_size}")
        checksum = sha256(path)
        if checksum != entry["sha256"]:
            raise self.mismatch(path, f"SHA-256 {entry['sha256']}", f"{checksum}")
        return path

    @contextmanager
    def verified(self, path: Path, entry: dict[str, Any], purpose: str) -> Iterator[Path]:
        """Yields `path` as `verify` returns it; what is opened in the block is what was verified, also beside a writer.

        Raises:
            UserError: As `verify`; or another file has taken its place.
        """
        before = _identity(path)
        yield self.verify(path, entry, purpose)
        if _identity(path) != before:
            expected = f"{path}: expected a file that stays while it is read"
            raise UserError(f"{expected}, got another one in its place; run the command again", "manifest.replaced")

    @contextmanager
    def taking(self, place: Path) -> Iterator[None]:
        """Around the use of what `read` gave: a right digest does not prove a right content.

        Raises:
            UserError: Something in it is missing, or of another kind.
        """
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            got = f"another one ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
            raise self.mismatch(place / self.name, "the content that this version writes", got) from error

    def read_arrays(self, path: Path) -> dict[str, NDArray[Any]]:
        """The arrays that `np.savez` wrote to a file; they never take more memory than the file has bytes.

        Raises:
            UserError: It holds something else: compressed arrays, objects, or fewer bytes than its arrays state.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
                if sum(member.file_size for member in members) > path.stat().st_size:
                    raise ValueError("more bytes in the arrays than in the file")
                for member in members:
                    _require_stated_size(archive, member)
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, LookupError, NotImplementedError, zipfile.BadZipFile) as error:
            raise self.mismatch(path, "arrays of numbers", f"something else ({error})") from error

    def mismatch(self, path: Path, expected: str, got: str, code: str = DAMAGED) -> UserError:
        """The error for a file or folder that is not as the manifest describes it."""
        return UserError(f"{path}: expected {expected}, got {got}; {self.remedy}", code)

    def _require_file(self, path: Path, purpose: str) -> None:
        expected = f"a file with {purpose}"
        if not path.is_file():
            raise self.mismatch(path, expected, _what_is(path), MISSING)
        if not os.access(path, os.R_OK):
            raise self.mismatch(path, expected, "one without permission to read it", "manifest.unreadable")


def _require_stated_size(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        stated = file.tell() + math.prod(shape) * dtype.itemsize
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != stated or dtype.hasobject:
        raise ValueError(f"{member.file_size} bytes of {member.filename}, where {stated} are stated")


def _identity(path: Path) -> tuple[int, ...]:
    """What differs between a file and another one that takes its place; empty where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return ()
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns


def file_entry(path: Path) -> dict[str, Any]:
    """A manifest's entry for one file: its size in bytes and its SHA-256."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def digest(content: dict[str, Any]) -> str:
    """Digest of a manifest's content; with the checksums of all files in it, it identifies the whole folder."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]  # MLflow takes at most 36 for the digest of a dataset


def _what_is(path: Path) -> str:
    if not path.exists():
        return "nothing"
    return "a folder" if path.is_dir() else "a file"
