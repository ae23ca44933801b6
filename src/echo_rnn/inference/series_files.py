"""Series in files, read and written block by block: `.npy`, `.csv`, and `.wav` and `.flac` with the extra `audio`.

Memory does not grow with a series. A table has one row for each step and a name for each column; audio has one channel
for each feature, as numbers from -1 to 1, and is written as 32-bit floats, which neither clips nor rounds.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.errors import UserError
from echo_rnn.tasks.ends import Ends

BLOCK_STEPS = 2**16
AUDIO = (".wav", ".flac")
READ = (".npy", ".csv", *AUDIO)
WRITTEN = (".npy", ".csv", ".wav")

Blocks = Iterator[NDArray[Any]]
Write = Callable[[NDArray[np.float32]], object]


def read_blocks(path: Path, ends: Ends) -> Blocks:
    """The inputs of a network in a file, in blocks `[N, I]` of real numbers.

    Raises:
        UserError: The file is not one of these, or does not hold the inputs, all of them finite numbers; the sentence
            names the row, counted from 0, and the column.
    """
    if not path.is_file():
        raise UserError(f"{path}: expected a file with the series, got none; correct the path", "predict.no_file")
    readers = {".npy": _read_npy, ".csv": _read_csv} | dict.fromkeys(AUDIO, _read_audio)
    if path.suffix.lower() not in readers:
        raise _unknown_format(path, READ)
    first = 0
    for block in readers[path.suffix.lower()](path, ends):
        bad = np.argwhere(~np.isfinite(block))
        if len(bad):
            row, column = bad[0]
            raise UserError(
                f"{path}: expected finite numbers, got {block[row, column]} in row {first + row}, "
                f"{ends.input_names[column]}; replace it",
                "predict.not_finite",
            )
        first += len(block)
        yield block
    if not first:
        raise UserError(f"{path}: expected a series, got no steps; choose another file", "predict.empty")


def sample_rate_of(path: Path) -> int | None:
    """The samples per second of a file of audio; `None` of another file."""
    if path.suffix.lower() not in AUDIO or not path.is_file():
        return None
    with _audio(path) as file:
        return int(file.samplerate)


@contextmanager
def writing(path: Path, ends: Ends, sample_rate: int | None) -> Iterator[Write]:
    """A function that appends blocks `[N, K]` of a network's outputs to a new file at `path`.

    Args:
        path: The suffix decides the format.
        ends: Of the network; they name the columns.
        sample_rate: Of audio.

    Raises:
        UserError: The format is not one of these, or cannot hold these outputs.
    """
    writers = {".npy": _write_npy, ".csv": _write_csv, ".wav": _write_wav}
    if path.suffix.lower() not in writers:
        raise _unknown_format(path, WRITTEN)
    with writers[path.suffix.lower()](path, ends, sample_rate) as write:
        yield write


def _unknown_format(path: Path, known: tuple[str, ...]) -> UserError:
    return UserError(
        f"{path}: expected a file that ends with {' or '.join(known)}, got {path.suffix or 'no ending'!r}; convert it",
        "predict.unknown_format",
    )


def _mismatch(path: Path, ends: Ends, got: str) -> UserError:
    names = ", ".join(ends.input_names)
    return UserError(
        f"{path}: expected {ends.inputs} inputs ({names}), got {got}; give the network what it was trained on",
        "predict.bad_columns",
    )


def _unreadable(path: Path, expected: str, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:200]
    return UserError(f"{path}: expected {expected}, got something else ({reason}); replace it", "predict.unreadable")


def _read_npy(path: Path, ends: Ends) -> Blocks:
    # Not mapped: pages that were read would count as this process's memory.
    with path.open("rb") as file:
        try:
            np.lib.format.read_magic(file)
            shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        except ValueError as error:
            raise _unreadable(path, "an array that np.save wrote", error) from error
        columns = 1 if len(shape) == 1 else shape[-1]
        if len(shape) not in (1, 2) or columns != ends.inputs:
            raise _mismatch(path, ends, f"an array of shape {list(shape)}")
        if dtype.kind not in "biuf" or (by_columns and columns > 1):
            got = "one in Fortran order" if by_columns else f"one of {dtype}"
            raise UserError(
                f"{path}: expected an array of real numbers in C order, got {got}; save it anew", "predict.unreadable"
            )
        steps, width = shape[0], columns * dtype.itemsize
        for start in range(0, steps, BLOCK_STEPS):
            count = min(BLOCK_STEPS, steps - start)
            content = file.read(count * width)
            if len(content) < count * width:
                whole = start + len(content) // width
                raise UserError(
                    f"{path}: expected {steps} steps, got a file that was cut after {whole}; copy it again",
                    "predict.unreadable",
                )
            yield np.frombuffer(content, dtype).reshape(count, columns)


def _read_csv(path: Path, ends: Ends) -> Blocks:
    import pandas as pd  # noqa: PLC0415 # takes a while to import

    names = list(ends.input_names)
    try:
        for chunk in pd.read_csv(path, chunksize=BLOCK_STEPS):
            if not set(names) <= set(chunk.columns):
                raise _mismatch(path, ends, f"the columns {', '.join(map(str, chunk.columns))}")
            chosen = chunk[names]
            numbers = chosen.apply(pd.to_numeric, errors="coerce")
            bad = np.argwhere((numbers.isna() & chosen.notna()).to_numpy())
            if len(bad):
                row, column = bad[0]
                raise UserError(
                    f"{path}: expected numbers with a decimal point, got {chosen.iloc[row, column]!r} in row "
                    f"{chunk.index[row]}, {chosen.columns[column]}; replace it",
                    "predict.not_numbers",
                )
            yield numbers.to_numpy(np.float64)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise _unreadable(path, "a table with one row of names and rows of equal length", error) from error


@contextmanager
def _audio(path: Path, *arguments: Any, **options: Any) -> Iterator[Any]:
    try:
        import soundfile  # noqa: PLC0415 # an extra
    except ImportError as error:
        raise UserError(
            f"{path}: expected the library soundfile for audio, got none; pip install 'echo-rnn[audio]'",
            "predict.no_audio",
        ) from error
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(soundfile.SoundFile(path, *arguments, **options))
        except soundfile.LibsndfileError as error:
            raise _unreadable(path, "a file of audio", error) from error
        yield file


def _read_audio(path: Path, ends: Ends) -> Blocks:
    with _audio(path) as file:
        if file.channels != ends.inputs:
            raise _mismatch(path, ends, f"{file.channels} channels")
        if ends.sample_rate is not None and file.samplerate != ends.sample_rate:
            raise UserError(
                f"{path}: expected {ends.sample_rate} samples per second, with which the network was trained, got "
                f"{file.samplerate}; resample it",
                "predict.sample_rate",
            )
        read = 0
        while len(block := file.read(BLOCK_STEPS, dtype="float32", always_2d=True)):
            read += len(block)
            yield block
        if read < file.frames:
            raise UserError(
                f"{path}: expected {file.frames} samples, got a file that was cut after {read}; copy it again",
                "predict.unreadable",
            )


def _columns(ends: Ends) -> list[str]:
    if ends.kind == "real":
        return list(ends.target_names)
    return [f"{ends.target_names[0]}={index}" for index in range(ends.outputs)]


@contextmanager
def _write_npy(path: Path, ends: Ends, sample_rate: int | None) -> Iterator[Write]:
    steps = 0

    def header() -> None:
        # NumPy leaves room for the digits of a first axis that grows.
        shape = {"descr": "<f4", "fortran_order": False, "shape": (steps, ends.outputs)}
        np.lib.format.write_array_header_1_0(file, shape)

    def write(block: NDArray[np.float32]) -> None:
        nonlocal steps
        file.write(np.ascontiguousarray(block, "<f4").data)
        steps += len(block)

    with path.open("wb") as file:
        header()
        yield write
        file.seek(0)
        header()


@contextmanager
def _write_csv(path: Path, ends: Ends, sample_rate: int | None) -> Iterator[Write]:
    import pandas as pd  # noqa: PLC0415

    columns = _columns(ends)
    with path.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=columns).to_csv(file, index=False)
        yield lambda block: pd.DataFrame(block, columns=columns).to_csv(file, index=False, header=False)


@contextmanager
def _write_wav(path: Path, ends: Ends, sample_rate: int | None) -> Iterator[Write]:
    if ends.kind != "real" or sample_rate is None:
        got = "probabilities of classes" if ends.kind != "real" else "a series without a sample rate"
        raise UserError(f"{path}: expected audio to write, got {got}; write .npy or .csv", "predict.no_sound")
    with _audio(path, "w", samplerate=sample_rate, channels=ends.outputs, subtype="FLOAT", format="WAV") as file:
        yield file.write
