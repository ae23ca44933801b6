"""Series in files, read and written block by block, for a trained network.

They are read as those that are learnt from; see `echo_rnn.tasks.sources`. `.npy`, `.csv` and `.wav` are written. Memory
does not grow with a series. A table has one row for each step and a name for each column; audio has one channel for
each feature, as numbers from -1 to 1, and is written as 32-bit floats, which neither clips nor rounds.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.errors import UserError
from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.sources import Source, soundfile_for

WRITTEN = (".npy", ".csv", ".wav")

Blocks = Iterator[NDArray[Any]]
Write = Callable[[NDArray[np.float32]], object]


def read_blocks(source: Source, ends: Ends) -> Blocks:
    """The inputs of a network in a file, in blocks `[N, I]` of real numbers in raw units.

    Columns of a table are found by their names; channels of a sound and columns of an array are all taken, in order.

    Raises:
        UserError: The file does not hold the inputs, all of them finite numbers; the sentence names row and column.
    """
    columns, done = _columns_of(source, ends), 0
    for piece in source.pieces(columns):
        gaps = np.argwhere(np.isnan(piece))
        if gaps.size:
            row, column = gaps[0]
            source.refuse(done + int(row), columns[column], "a number", "none", "fill it")
        done += len(piece)
        yield piece * np.float32(source.unit)


def _columns_of(source: Source, ends: Ends) -> Sequence[str]:
    names = ends.input_names
    fits = set(names) <= set(source.columns) if source.named else len(source.columns) == ends.inputs
    if not fits:
        raise UserError(
            f"{source.path}: expected {ends.inputs} inputs ({', '.join(names)}), got "
            f"{len(source.columns)} ({', '.join(source.columns)[:200]}); give the network what it was trained on",
            "predict.bad_columns",
        )
    if source.rate is not None and ends.sample_rate not in (None, source.rate):
        raise UserError(
            f"{source.path}: expected {ends.sample_rate} samples per second, with which the network was trained, got "
            f"{source.rate}; resample it",
            "predict.sample_rate",
        )
    return names if source.named else source.columns


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
    with writers[path.suffix.lower()](path, ends, sample_rate) as write:
        yield write


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
    form = {"samplerate": sample_rate, "channels": ends.outputs, "subtype": "FLOAT", "format": "WAV"}
    with soundfile_for(path).SoundFile(path, "w", **form) as file:
        yield file.write
