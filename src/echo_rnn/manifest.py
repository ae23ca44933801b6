"""A folder sealed by a description: its files are whole and unchanged, or refused.

The description is a JSON file that is written last, states size and SHA-256 of every other file, and carries a digest
of itself. Bits that flipped in a `.npy` or `.npz` file load without an error; here they do not.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echo_rnn.errors import UserError
from echo_rnn.files import as_json, sha256, write_text

DIGEST_CHARACTERS = 32  # MLflow takes at most 36 for the digest of a dataset


@dataclass(frozen=True)
class Seal:
    """One kind of sealed folder.

    Attributes:
        kind: What the folder holds, for messages.
        name: File name of the description.
        format: Version of what the description says; another one is refused.
        remedy: What a person does about a folder that is not as stated.
    """

    kind: str
    name: str
    format: int
    remedy: str

    def close(self, folder: Path, content: dict[str, Any]) -> None:
        """Writes the description with `content`."""
        write_text(folder / self.name, self.text(content))

    def text(self, content: dict[str, Any]) -> str:
        """The description with `content`; `stated` gives the part about one file."""
        body = {"format": self.format, **content}
        return as_json(body | {"digest": digest(body)})

    def open(self, folder: Path) -> dict[str, Any]:
        """The description, once its version and its digest are right.

        Raises:
            UserError: There is none, or it is damaged, edited, or of another version.
        """
        if not folder.is_dir():
            raise self.mismatch(folder, f"a folder with a {self.kind}", _what_is(folder))
        path = folder / self.name
        self._require_file(path, f"the description of the {self.kind}")
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            content: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.mismatch(path, "JSON", f"text that is not ({error})") from error
        version = content.get("format") if isinstance(content, dict) else None
        if version != self.format:
            raise self.mismatch(path, f"{self.kind} format {self.format}", f"{version!r}")
        stated = content.get("digest")
        actual = digest({key: value for key, value in content.items() if key != "digest"})
        if stated != actual:
            raise self.mismatch(
                path, f"content with the digest it states, {stated}", f"edited content with digest {actual}"
            )
        return content

    def verified(self, path: Path, stated: dict[str, Any], purpose: str) -> Path:
        """`path`, once size and checksum of the file are those that `stated` gave.

        Args:
            path: The file.
            stated: What the description says of it.
            purpose: What it holds, for messages.

        Raises:
            UserError: The file is missing, cut short, damaged, or edited.
        """
        self._require_file(path, purpose)
        if path.stat().st_size != stated["bytes"]:
            raise self.mismatch(path, f"{stated['bytes']} bytes", f"{path.stat().st_size}")
        checksum = sha256(path)
        if checksum != stated["sha256"]:
            raise self.mismatch(path, f"SHA-256 {stated['sha256']}", f"{checksum}")
        return path

    def mismatch(self, path: Path, expected: str, found: str) -> UserError:
        """The error for something in the folder that is not as it should be."""
        return UserError(f"{path}: expected {expected}, found {found}; {self.remedy}")

    def _require_file(self, path: Path, purpose: str) -> None:
        expected = f"a file with {purpose}"
        if not path.is_file():
            raise self.mismatch(path, expected, _what_is(path))
        if not os.access(path, os.R_OK):
            raise self.mismatch(path, expected, "one that may not be read")


def stated(path: Path) -> dict[str, Any]:
    """What a description says of a file."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def digest(content: dict[str, Any]) -> str:
    """Digest of a description; it states the checksum of every file, so it stands for the whole folder."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGEST_CHARACTERS]


def _what_is(path: Path) -> str:
    if not path.exists():
        return "nothing"
    return "a folder" if path.is_dir() else "a file"
