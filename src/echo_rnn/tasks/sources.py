"""Files of series: columns by name, read in pieces; what is wrong in one is named with file, row and column.

`.wav` and `.flac` (soundfile), `.csv` (pandas), `.parquet` (pyarrow), `.npy` and `.npz`. Rows count from 1 as a reader
of the file counts them: a table's first row below its header is row 1, a sound's first sample is sample 1.
"""

import csv
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from echo_rnn.errors import UserError

Array = NDArray[Any]

PIECE = 2**16
"""Most steps in memory at a time."""
_SEPARATORS = (",", ";", "\t")
_MOST_SHOWN = 40


@dataclass(frozen=True)
class Source:
    """A file of series that was opened and looked at.

    Attributes:
        path: The file.
        columns: Of all that it holds, by name; channels and unnamed columns are numbered from 0.
        dtype: In which its numbers are stored: `int16`, `uint8` or `float32`.
        unit: Raw units of a stored 1.
        rate: Samples per second of a sound, else `None`.
        steps: How many; `None` where only reading tells.
        named: Whether the file names its columns.
    """

    path: Path
    columns: tuple[str, ...]
    dtype: str = "float32"
    unit: float = 1.0
    rate: int | None = None
    steps: int | None = None
    named: bool = False

    @property
    def counts(self) -> str:
        """What its rows are called."""
        return "row" if self.rate is None else "sample"

    @property
    def estimated_steps(self) -> int:
        """How many steps it has; of a text an estimate from its first lines."""
        if self.steps is not None:
            return self.steps
        with self.path.open("rb") as file:
            lines = file.readlines(PIECE)
        return self.path.stat().st_size * len(lines) // max(1, sum(map(len, lines)))

    def pieces(self, columns: Sequence[str], time: str | None = None) -> Iterator[Array]:
        """Yields `[n, columns]` as stored, in order; NaN where a number is missing.

        Args:
            columns: Names.
            time: A column that must not go backwards.

        Raises:
            UserError: A number is not one, or infinite, or the file is damaged.
        """
        wanted = [*columns, *([time] if time else [])]
        done, newest = 0, -np.inf
        for piece in _READERS[self.path.suffix.lower()].pieces(self, wanted):
            if piece.dtype.kind == "f":
                self._require_finite(piece[:, : len(columns)], columns, done)
            if time:
                moments = np.concatenate([[newest], piece[:, -1].astype(np.float64)])
                back = np.flatnonzero(~(np.diff(moments) >= 0))
                if back.size:
                    self.refuse(done + int(back[0]), time, "time that does not go backwards", "an earlier one")
                newest = moments[-1]
            yield piece[:, : len(columns)].astype(self.dtype, copy=False)
            done += len(piece)
        if not done:
            self._refuse_whole("some steps", "an empty file", "data.empty")

    def refuse(self, index: int, column: str, expected: str, got: str, remedy: str = "mend it") -> NoReturn:
        """Raises the error about one number, the `index`-th from 0."""
        place = f"{self.path}, {self.counts} {index + 1}, column {column}"
        raise UserError(f"{place}: expected {expected}, got {got}; {remedy}", "data.bad_value")

    def _refuse_whole(self, expected: str, got: str, code: str) -> NoReturn:
        raise UserError(f"{self.path}: expected {expected}, got {got}; mend or replace the file", code)

    def _require_finite(self, piece: Array, columns: Sequence[str], done: int) -> None:
        bad = np.argwhere(np.isinf(piece))
        if bad.size:
            row, column = bad[0]
            self.refuse(done + int(row), columns[column], "a finite number", "an infinite one")


def open_source(path: Path) -> Source:
    """Looks at a file.

    Raises:
        UserError: It is missing, empty, damaged, or of no known kind.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: expected a file with one of {', '.join(_READERS)}, got another", "data.unknown_kind")
    try:
        if not path.stat().st_size:
            raise UserError(f"{path}: expected some steps, got an empty file; mend or replace the file", "data.empty")
        source: Source = reader.open(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"{path}: expected a file to read, got '{reason}'; correct the path", "data.unreadable"
        ) from error
    doubled = [name for name, count in Counter(source.columns).items() if count > 1]
    if doubled:
        raise UserError(
            f"{path}, row 0, column {doubled[0]}: expected columns with names of their own, got {doubled[0]!r} twice; "
            "rename one",
            "data.doubled_column",
        )
    return source


def soundfile_for(path: Path) -> Any:
    """The library for sounds, which is an extra.

    Raises:
        UserError: It is not installed.
    """
    try:
        import soundfile  # noqa: PLC0415
    except ImportError as error:
        raise UserError(
            f"{path}: expected the library soundfile for it, got an environment without; run pip install "
            "'echo-rnn[audio]'",
            "data.no_soundfile",
        ) from error
    return soundfile


class _Sound:
    """`.wav` and `.flac`."""

    @classmethod
    def open(cls, path: Path) -> Source:
        library = soundfile_for(path)
        with path.open("rb") as file:
            head = file.read(8)
        promised = int.from_bytes(head[4:8], "little") + 8
        if head[:4] == b"RIFF" and promised > path.stat().st_size:
            _cut_short(path, f"{promised:,} bytes", f"{path.stat().st_size:,}")
        try:
            with library.SoundFile(path) as sound:
                plain = sound.subtype == "PCM_16"
                columns = tuple(map(str, range(sound.channels)))
                facts = {"rate": sound.samplerate, "steps": sound.frames}
        except library.LibsndfileError as error:
            raise UserError(f"{path}: expected a sound, got {error}; replace the file", "data.damaged") from error
        return Source(path, columns, "int16" if plain else "float32", 2.0**-15 if plain else 1.0, **facts)

    @classmethod
    def pieces(cls, source: Source, columns: Sequence[str]) -> Iterator[Array]:
        library, chosen, read = soundfile_for(source.path), [int(name) for name in columns], 0
        try:
            with library.SoundFile(source.path) as sound:
                for block in sound.blocks(PIECE, dtype=source.dtype, always_2d=True):
                    if source.dtype == "float32" and np.isnan(block).any():
                        row, channel = np.argwhere(np.isnan(block))[0]
                        source.refuse(read + int(row), str(channel), "a number", "NaN")
                    read += len(block)
                    yield block[:, chosen]
        except library.LibsndfileError as error:
            raise UserError(
                f"{source.path}: expected a whole sound, got {error}; replace it", "data.damaged"
            ) from error
        if read != source.steps:
            _cut_short(source.path, f"{source.steps:,} samples", f"{read:,}")


class _Csv:
    """`.csv` with a header; separated by commas, semicolons or tabs."""

    @staticmethod
    def _header(path: Path) -> tuple[str, list[str]]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
        separator = max(_SEPARATORS, key=line.count)
        return separator, next(csv.reader([line], delimiter=separator), [])

    @classmethod
    def open(cls, path: Path) -> Source:
        try:
            _, names = cls._header(path)
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: expected text in UTF-8, got other bytes; convert it", "data.damaged") from error
        return Source(path, tuple(name.strip() for name in names), named=True)

    @classmethod
    def pieces(cls, source: Source, columns: Sequence[str]) -> Iterator[Array]:
        import pandas as pd  # noqa: PLC0415
        from pandas.errors import ParserError  # noqa: PLC0415

        separator, _ = cls._header(source.path)
        options: dict[str, Any] = {
            "sep": separator,
            "skipinitialspace": True,
            "encoding": "utf-8-sig",
            "chunksize": PIECE,
        }
        done = 0
        try:
            # All columns: pandas counts the fields of a row only where it reads every one.
            for table in pd.read_csv(source.path, **options):
                if not isinstance(table.index, pd.RangeIndex):  # it takes a longer first row for one with a name
                    raise ParserError(f"Expected {len(source.columns)} fields in line 2, saw more")
                table.columns = pd.Index(source.columns)
                yield np.stack([cls._numbers(source, table[name], name, done) for name in columns], axis=1)
                done += len(table)
        except ParserError as error:
            # pandas counts lines with the header: `Expected 3 fields in line 7, saw 4`.
            words = str(error).replace("Error tokenizing data. C error: ", "").strip()
            numbers = [int(word) for word in words.replace(",", " ").split() if word.isdigit()]
            row = numbers[1] - 1 if len(numbers) > 1 else done + 1
            fields = f"{numbers[0]} fields" if numbers else "a table"
            got = f"{numbers[2]}" if len(numbers) > 2 else words
            raise UserError(
                f"{source.path}, row {row}, column {numbers[0] + 1 if numbers else '?'}: expected {fields} as in the "
                f"header, got {got}; mend the row (a decimal comma must be a point)",
                "data.ragged",
            ) from error

    @staticmethod
    def _numbers(source: Source, column: Any, name: str, done: int) -> Array:
        import pandas as pd  # noqa: PLC0415

        if column.dtype.kind in "iufb":
            numbers: Array = column.to_numpy(np.float64)
            return numbers
        found = pd.to_numeric(column, errors="coerce")
        bad = np.flatnonzero(found.isna() & column.notna())
        if not bad.size:
            numbers = found.to_numpy(np.float64)
            return numbers
        moments = pd.to_datetime(column, errors="coerce", format="ISO8601")
        if moments.notna().all():
            since: Array = np.asarray(moments.astype("datetime64[ns]").astype("int64").to_numpy() / 1e9)
            return since
        text = str(column.iloc[bad[0]])
        comma = text.replace(",", "", 1).lstrip("+-").isdigit() and "," in text
        got = f"{text[:_MOST_SHOWN]!r}" + (", with a decimal comma" if comma else "")
        source.refuse(done + int(bad[0]), name, "a number", got, "write 1.5 for 1,5" if comma else "mend it")


class _Parquet:
    """`.parquet`."""

    @staticmethod
    def open(path: Path) -> Source:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415

        try:
            file = parquet.ParquetFile(path)
        except ArrowException as error:
            raise UserError(f"{path}: expected a Parquet file, got {error}; replace it", "data.damaged") from error
        with file:
            return Source(path, tuple(file.schema_arrow.names), steps=file.metadata.num_rows, named=True)

    @staticmethod
    def pieces(source: Source, columns: Sequence[str]) -> Iterator[Array]:
        from pyarrow import parquet  # noqa: PLC0415

        done = 0
        with parquet.ParquetFile(source.path) as file:
            for batch in file.iter_batches(PIECE, columns=list(dict.fromkeys(columns))):
                table = batch.to_pandas()
                yield np.stack([_Csv._numbers(source, table[name], name, done) for name in columns], axis=1)
                done += len(table)


class _Npy:
    """`.npy`: `[N]`, or `[N, columns]`."""

    @staticmethod
    def open(path: Path) -> Source:
        try:
            array = np.lib.format.open_memmap(path, mode="r")
        except ValueError as error:
            raise UserError(f"{path}: expected an array of numbers, got {error}; replace it", "data.damaged") from error
        return _array_source(path, array.dtype, {"": array.shape})

    @staticmethod
    def pieces(source: Source, columns: Sequence[str]) -> Iterator[Array]:
        chosen = [int(name) for name in columns]
        for start in range(0, source.steps or 0, PIECE):
            # Opened anew each time, so that the pages that were read are released.
            array = np.lib.format.open_memmap(source.path, mode="r")
            yield np.array(array[start : start + PIECE].reshape(-1, len(source.columns))[:, chosen])


class _Npz:
    """`.npz`: arrays by name, each `[N]` or `[N, columns]`."""

    @classmethod
    def open(cls, path: Path) -> Source:
        try:
            with zipfile.ZipFile(path) as archive:
                headers = {name.removesuffix(".npy"): cls._header(archive, name)[1:] for name in archive.namelist()}
        except (ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: expected arrays by name, got {error}; replace it", "data.damaged") from error
        dtypes = {dtype for _, dtype in headers.values()}
        return _array_source(path, np.result_type(*dtypes), {name: shape for name, (shape, _) in headers.items()})

    @staticmethod
    def _header(archive: zipfile.ZipFile, name: str) -> tuple[Any, tuple[int, ...], np.dtype[Any]]:
        """The opened member behind its header, its shape and its dtype."""
        file = archive.open(name)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if (fortran and len(shape) > 1) or dtype.hasobject:
            raise ValueError(f"{name} is no array of numbers in C order")
        return file, shape, dtype

    @classmethod
    def pieces(cls, source: Source, columns: Sequence[str]) -> Iterator[Array]:
        with zipfile.ZipFile(source.path) as archive:
            members = {name: cls._header(archive, name) for name in archive.namelist()}
            for start in range(0, source.steps or 0, PIECE):
                count, parts = min(PIECE, (source.steps or 0) - start), []
                for file, shape, dtype in members.values():
                    width = int(np.prod(shape[1:]))
                    parts.append(np.frombuffer(file.read(count * width * dtype.itemsize), dtype).reshape(count, width))
                whole = np.concatenate(parts, axis=1)
                yield whole[:, [source.columns.index(name) for name in columns]]


_READERS: dict[str, Any] = {
    ".wav": _Sound,
    ".flac": _Sound,
    ".csv": _Csv,
    ".parquet": _Parquet,
    ".npy": _Npy,
    ".npz": _Npz,
}

READ = tuple(_READERS)
"""The endings of files that can be read."""


def _array_source(path: Path, dtype: np.dtype[Any], shapes: dict[str, tuple[int, ...]]) -> Source:
    """A source of arrays `[N]` or `[N, columns]` by name."""
    if dtype.kind not in "iufb" or any(len(shape) not in (1, 2) for shape in shapes.values()):
        got = f"{dtype.name} of shape {next(iter(shapes.values()), ())}"
        raise UserError(f"{path}: expected numbers [steps] or [steps, columns], got {got}; replace it", "data.damaged")
    lengths = {shape[0] for shape in shapes.values()}
    if len(lengths) > 1:
        got = ", ".join(f"{name}: {shape[0]}" for name, shape in shapes.items())
        raise UserError(f"{path}: expected arrays of one length, got {got}; make them equal", "data.lengths")
    columns: list[str] = []
    for name, shape in shapes.items():
        width = shape[1] if len(shape) == 2 else 1
        numbers = [str(number) for number in range(width)]
        columns += numbers if not name else [name] if width == 1 else [f"{name}{number}" for number in numbers]
    kept = dtype.name if dtype.name in ("int16", "uint8") else "float32"
    return Source(path, tuple(columns), kept, steps=lengths.pop() if lengths else 0, named="" not in shapes)


def _cut_short(path: Path, expected: str, got: str) -> NoReturn:
    raise UserError(
        f"{path}: expected {expected} as its header says, got {got}: it was cut short; replace it", "data.cut"
    )
