"""Files that are whole or not there: atomic writing and checksums."""

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from echo_rnn.errors import UserError, full_disk, is_full


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; it takes the place of `path` only when the block succeeds.

    Raises:
        UserError: The file cannot be written; what was there before is whole.
    """
    # The process id keeps two writers apart; the suffix stays last because savers choose their format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> UserError:
    """The error for a file or folder that the system does not let be written."""
    if is_full(error):
        return full_disk(path)
    reason = (error.strerror or " ".join(str(error).split())).lower()
    return UserError(
        f"{path}: expected to write it, got the system's answer '{reason}'; change what stands there", "disk.unwritable"
    )


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
