"""Writes and opens datasets: the series of a task as memory-mapped `.npy` files, with a manifest.

A folder holds `{train,validation,test}_{x,y}.npy`, uint8 of shape `[E, B, N]`: a fresh series for each epoch of
training, one series for each of the others. The manifest `dataset.json` is written last, so a dataset is either whole
and unchanged or refused.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.errors import UserError
from echo_rnn.files import make_folder, replacing_files, unwritable
from echo_rnn.manifest import Manifest, file_entry
from echo_rnn.tasks import TASKS, Task

MANIFEST = Manifest(
    kind="dataset",
    name="dataset.json",
    format=2,
    # A cache's file that cannot be written to is not looked at by DVC.
    remedy="to make it again run `chmod -R u+w .dvc/cache/files; dvc repro generate` (or delete the folder of a job's "
    "dataset and run the job again)",
)
_DTYPE = np.dtype(np.uint8)


@dataclass(frozen=True)
class SplitLengths:
    """Steps of one series, all rows together."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True, eq=False)
class Split:
    """One split, mapped read-only."""

    x_EBN: NDArray[np.uint8]
    y_EBN: NDArray[np.uint8]
    accuracy_ceiling: float


@dataclass(frozen=True, eq=False)
class Dataset:
    """A verified dataset; `digest` identifies its content and how it was made, `origin` the configuration of that."""

    folder: Path
    task: Task
    train: Split
    validation: Split
    test: Split
    digest: str
    origin: Mapping[str, Any]


def generate(
    task: Task,
    *,
    seed: int,
    epochs: int,
    lengths: SplitLengths,
    folder: Path,
    origin: Mapping[str, Any] = MappingProxyType({}),
    progress: Callable[[int], object] | None = None,
) -> None:
    """Writes a dataset in `folder`; memory stays bounded however long the series are.

    Each split has its own child of `SeedSequence(seed)`, and each epoch its own child of that, so a series depends
    neither on the other splits nor on the number of epochs. An earlier dataset in `folder` stays usable until all
    series are written, and other files in it are not touched.

    Args:
        task: The task that makes the series.
        seed: A non-negative integer, the root of all randomness.
        epochs: Series in the training split.
        lengths: Steps of one series for each split, multiples of `task.batch_size`.
        folder: Created where missing.
        origin: The configuration that this was made of, as JSON values; kept with it.
        progress: Called with the number of steps just written, `epochs · train + validation + test` in all.

    Raises:
        UserError: The folder cannot be written, or the disk has too little room.
        ValueError: A length is no multiple of the rows, or the task yields another number of steps.
    """
    try:
        make_folder(folder)
        _require_room(folder, 2 * (epochs * lengths.train + lengths.validation + lengths.test))
    except OSError as error:
        raise unwritable(folder, error) from error
    with replacing_files(folder, last=MANIFEST.name) as scratch:
        content = _write_splits(task, seed, epochs, lengths, scratch, progress or (lambda steps: None))
        MANIFEST.write_into(scratch, content | {"origin": dict(origin)})


def _require_room(folder: Path, needed: int) -> None:
    """Refuses to write `needed` bytes where the disk has too little room for them."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: expected series that fit into the {free / 2**20:,.0f} MiB free on this disk, got "
            f"{needed / 2**20:,.0f} MiB; lower task.series_length or trainer.epochs, or make room",
            "disk.full",
        )


def open_dataset(folder: Path) -> Dataset:
    """Opens the dataset in `folder` after verifying every file against its manifest.

    Raises:
        UserError: Something is missing, damaged, edited, or of another version.
    """
    content = MANIFEST.read(folder)
    with MANIFEST.taking(folder):
        return _opened(folder, content)


def _opened(folder: Path, content: dict[str, Any]) -> Dataset:
    task_name, parameters = content["task"]["name"], content["task"]["parameters"]
    if task_name not in TASKS:
        raise MANIFEST.mismatch(folder / MANIFEST.name, f"a task among {', '.join(TASKS)}", f"{task_name!r}")
    splits = {}
    for name, split in content["splits"].items():
        x_EBN, y_EBN = (_open_series(folder, name, axis, split) for axis in ("x", "y"))
        splits[name] = Split(x_EBN, y_EBN, split["accuracy_ceiling"])
    return Dataset(folder, TASKS[task_name](**parameters), **splits, digest=content["digest"], origin=content["origin"])


def _write_splits(
    task: Task, seed: int, epochs: int, lengths: SplitLengths, folder: Path, progress: Callable[[int], object]
) -> dict[str, Any]:
    """Writes the series of every split in `folder` and returns the content of the manifest."""
    steps_of = asdict(lengths)
    split_seeds = np.random.SeedSequence(seed).spawn(len(steps_of))
    splits = {}
    for (name, steps), split_seed in zip(steps_of.items(), split_seeds, strict=True):
        if steps % task.rows:
            raise ValueError(f"{task.rows} rows do not divide the {steps} steps of the {name} series")
        shape = (epochs if name == "train" else 1, task.rows, steps // task.rows)
        paths = {axis: folder / _file_name(name, axis) for axis in ("x", "y")}
        _write_series(task, split_seed, shape, paths, progress)
        splits[name] = {
            "shape": list(shape),
            "dtype": _DTYPE.name,
            "seed": {"entropy": split_seed.entropy, "spawn_key": list(split_seed.spawn_key)},
            "accuracy_ceiling": task.accuracy_ceiling(np.lib.format.open_memmap(paths["y"], mode="r")),
            "files": {axis: file_entry(path) for axis, path in paths.items()},
        }
    return {"task": {"name": task.name, "parameters": asdict(task)}, "seed": seed, "splits": splits}


def _write_series(
    task: Task,
    split_seed: np.random.SeedSequence,
    shape_EBN: tuple[int, int, int],
    paths: dict[str, Path],
    progress: Callable[[int], object],
) -> None:
    """Writes the `E` series of a split to `paths["x"]` and `paths["y"]`, block by block."""
    epochs, rows, row_steps = shape_EBN
    header = {"descr": np.lib.format.dtype_to_descr(_DTYPE), "fortran_order": False, "shape": shape_EBN}
    # Appending to a plain file, rather than filling a memory map, keeps the written pages out of the resident set.
    with paths["x"].open("wb") as x_file, paths["y"].open("wb") as y_file:
        for file in (x_file, y_file):
            np.lib.format.write_array_header_1_0(file, header)
        for epoch_seed in split_seed.spawn(epochs):
            written = 0
            for x, y in task.blocks(epoch_seed, rows * row_steps):
                x_file.write(x.data)
                y_file.write(y.data)
                written += len(x)
                progress(len(x))
            if written != rows * row_steps:
                raise ValueError(f"task {task.name} made {written} steps instead of {rows * row_steps}")


def _open_series(folder: Path, name: str, axis: str, split: dict[str, Any]) -> NDArray[np.uint8]:
    """Maps one file `[E, B, N]` read-only, after comparing size, checksum, dtype and shape with the manifest."""
    path = MANIFEST.verify(folder / _file_name(name, axis), split["files"][axis], "a series of the dataset")
    series_EBN = np.lib.format.open_memmap(path, mode="r")
    got = (series_EBN.dtype.name, list(series_EBN.shape))
    if got != (split["dtype"], split["shape"]):
        raise MANIFEST.mismatch(path, f"{split['dtype']} of shape {split['shape']}", f"{got[0]} of shape {got[1]}")
    return series_EBN


def _file_name(split: str, axis: str) -> str:
    return f"{split}_{axis}.npy"
