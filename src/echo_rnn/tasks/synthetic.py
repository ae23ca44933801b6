"""Datasets of tasks that are made from a seed."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from echo_rnn.errors import UserError
from echo_rnn.tasks.dataset import SPLITS, file_name, publish, split_entry
from echo_rnn.tasks.task import Task


@dataclass(frozen=True)
class SplitLengths:
    """Steps of one series of each split, all rows together, and how many at the start of each row do not count."""

    train: int
    validation: int
    test: int
    warmup: int = 0


def generate(
    task: Task,
    *,
    seed: int,
    epochs: int,
    lengths: SplitLengths,
    folder: Path,
    origin: Mapping[str, Any] = MappingProxyType({}),
    progress: Callable[[int], object] = lambda steps: None,
) -> None:
    """Writes a dataset in `folder`; memory stays bounded however long the series are.

    Each split has its own child of `SeedSequence(seed)`, and each epoch its own child of that, so a series depends
    neither on the other splits nor on the number of epochs. See `publish` for an earlier dataset.

    Args:
        task: The task that makes the series.
        seed: A non-negative integer, the root of all randomness.
        epochs: Series in the training split, where they differ.
        lengths: Steps of one series for each split, multiples of `task.rows`.
        folder: Created where missing.
        origin: The configuration that this was made of, as JSON values; kept with it.
        progress: Called with the number of steps just written, `total_steps` in all.

    Raises:
        UserError: The folder cannot be written, or the disk has too little room.
        ValueError: A length is no multiple of the rows, or the task yields another number of steps.
    """

    def write(temporary: Path) -> dict[str, Any]:
        ends = task.ends
        targets = ends.outputs if ends.kind == "real" else 1
        step_bytes = ends.inputs * np.dtype(task.x_dtype).itemsize + targets * np.dtype(task.y_dtype).itemsize
        _require_room(folder, step_bytes * total_steps(task, epochs, lengths))
        parameters = {name: value for name, value in asdict(task).items() if name != "rows"}
        return {
            "task": {"name": task.name, "parameters": parameters},
            "ends": ends.to_dict(),
            "units": [1.0, 1.0],
            "fresh": task.fresh,
            "warmup": lengths.warmup if lengths.warmup or task.gaps else None,
            "chance": task.chance,
            "horizon": 0,
            "seed": seed,
            "splits": _write_splits(task, seed, epochs, lengths, temporary, progress),
        }

    publish(folder, write, origin)


def total_steps(task: Task, epochs: int, lengths: SplitLengths) -> int:
    """Steps of all series of a dataset."""
    return (epochs if task.fresh else 1) * lengths.train + lengths.validation + lengths.test


def _require_room(folder: Path, needed: int) -> None:
    """Refuses to write `needed` bytes where the disk has too little room for them."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: expected series that fit into the {free / 2**20:,.0f} MiB free on this disk, got "
            f"{needed / 2**20:,.0f} MiB; lower task.series_length or trainer.epochs, or make room",
            "disk.full",
        )


def _write_splits(
    task: Task, seed: int, epochs: int, lengths: SplitLengths, folder: Path, progress: Callable[[int], object]
) -> dict[str, Any]:
    """Writes the series of every split in `folder` and returns their entries in the manifest."""
    steps_of = {name: getattr(lengths, name) for name in SPLITS}
    split_seeds = np.random.SeedSequence(seed).spawn(len(steps_of))
    splits = {}
    for (name, steps), split_seed in zip(steps_of.items(), split_seeds, strict=True):
        if steps % task.rows:
            raise ValueError(f"{task.rows} rows do not divide the {steps} steps of the {name} series")
        shape = (epochs if name == "train" and task.fresh else 1, task.rows, steps // task.rows)
        paths = {axis: folder / file_name(name, axis) for axis in ("x", "y")}
        _write_series(task, split_seed, shape, paths, progress)
        splits[name] = split_entry(
            folder,
            name,
            seed={"entropy": split_seed.entropy, "spawn_key": list(split_seed.spawn_key)},
            accuracy_ceiling=task.accuracy_ceiling(np.lib.format.open_memmap(paths["y"], mode="r")),
        )
    return splits


def _write_series(
    task: Task,
    split_seed: np.random.SeedSequence,
    shape_EBN: tuple[int, int, int],
    paths: dict[str, Path],
    progress: Callable[[int], object],
) -> None:
    """Writes the `E` series of a split to `paths["x"]` and `paths["y"]`, block by block."""
    epochs, rows, row_steps = shape_EBN
    ends = task.ends
    shapes = {"x": (*shape_EBN, ends.inputs), "y": shape_EBN if ends.kind == "classes" else (*shape_EBN, ends.outputs)}
    dtypes = {"x": np.dtype(task.x_dtype), "y": np.dtype(task.y_dtype)}
    # Appending to a plain file, rather than filling a memory map, keeps the written pages out of the resident set.
    with paths["x"].open("wb") as x_file, paths["y"].open("wb") as y_file:
        for axis, file in (("x", x_file), ("y", y_file)):
            header = {"descr": np.lib.format.dtype_to_descr(dtypes[axis]), "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, {**header, "shape": shapes[axis]})
        for epoch_seed in split_seed.spawn(epochs):
            written = 0
            for x, y in task.blocks(epoch_seed, rows * row_steps):
                x_file.write(np.ascontiguousarray(x, dtypes["x"]).data)
                y_file.write(np.ascontiguousarray(y, dtypes["y"]).data)
                written += len(x)
                progress(len(x))
            if written != rows * row_steps:
                raise ValueError(f"task {task.name} made {written} steps instead of {rows * row_steps}")
