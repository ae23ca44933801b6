"""Rows of numbers in a file that only grows: a long history costs no memory, and a checkpoint does not repeat it."""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from echo_rnn.core.windows.loop import Array
from echo_rnn.errors import UserError
from echo_rnn.files import unwritable

_PIECE = 2**20


class Mark(NamedTuple):
    """How far a log has come.

    Attributes:
        rows: Rows in it.
        sha256: Hexadecimal checksum of their bytes.
    """

    rows: int
    sha256: str


BEGINNING = Mark(0, hashlib.sha256().hexdigest())
"""The mark of a log without rows."""


class Log:
    """A table of numbers, `[rows, columns]`, that is appended to; what is not yet in the file waits in memory.

    A file may hold more than a checkpoint knows of, since it is written to all the time: `rewind` goes back.
    """

    def __init__(self, path: Path, dtype: type[np.floating[Any]], columns: int) -> None:
        self.path = path
        self._dtype = np.dtype(dtype)
        self._columns = columns
        self._rows = 0
        self._waiting: list[bytes] = []
        self._checksum = hashlib.sha256()

    def append(self, rows: Array) -> None:
        """Takes rows `[n, columns]`."""
        self._waiting.append(np.ascontiguousarray(rows, self._dtype).tobytes())
        self._rows += len(rows)

    def mark(self) -> Mark:
        """How far it has come, once all of it is in the file."""
        self._write()
        return Mark(self._rows, self._checksum.hexdigest())

    def read(self, first: int = 0) -> Array:
        """The rows from `first` on, mapped from the file; they stay when it is removed."""
        self._write()
        if self._rows == first:
            return np.empty((0, self._columns), self._dtype)
        shape = (self._rows - first, self._columns)
        return np.memmap(self.path, self._dtype, "r", first * self._row_bytes, shape)

    def rewind(self, mark: Mark) -> None:
        """Goes on after the rows of `mark`; what the file holds beyond them is cut off.

        Raises:
            UserError: The file does not hold these rows.
        """
        self.cut(mark, self.verified(mark))

    def verified(self, mark: Mark) -> "hashlib._Hash":
        """The checksum of the rows of `mark`, to go on with; the file stays as it is.

        Raises:
            UserError: The file does not hold these rows.
        """
        checksum, length = hashlib.sha256(), mark.rows * self._row_bytes
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                file.seek(0)
                for start in range(0, length, _PIECE):
                    checksum.update(file.read(min(_PIECE, length - start)))
        except OSError as error:
            raise unwritable(self.path, error) from error
        if checksum.hexdigest() != mark.sha256:
            raise UserError(f"{self.path}: expected {mark.rows} rows as they were written, found others")
        return checksum

    def cut(self, mark: Mark, checksum: "hashlib._Hash") -> None:
        """The other half of `rewind`, with what `verified` gave."""
        try:
            os.truncate(self.path, mark.rows * self._row_bytes)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._rows, self._checksum, self._waiting = mark.rows, checksum, []

    @property
    def _row_bytes(self) -> int:
        return self._columns * self._dtype.itemsize

    def _write(self) -> None:
        if not self._waiting:
            return
        content, self._waiting = b"".join(self._waiting), []
        try:
            with self.path.open("ab") as file:
                file.write(content)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._checksum.update(content)
