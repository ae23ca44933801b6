"""Opens datasets and publishes new ones: series as memory-mapped `.npy` files, with a manifest.

A folder holds `{train,validation,test}_{x,y}.npy`: inputs `[E, B, N, I]`, and targets `[E, B, N]` of classes or
`[E, B, N, K]` of real numbers, in the type in which they came. The training split has a series for each epoch, or one
for all, the others have one. The manifest `dataset.json` is written last, so a dataset is either whole and unchanged or
refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from echo_rnn.files import replacing_files
from echo_rnn.manifest import Manifest, file_entry
from echo_rnn.tasks.ends import Ends

MANIFEST = Manifest(
    kind="dataset",
    name="dataset.json",
    format=3,
    # A cache's file that cannot be written to is not looked at by DVC.
    remedy="to make it again run `chmod -R u+w .dvc/cache/files; dvc repro generate` (or delete the folder of a job's "
    "dataset and run the job again)",
)
SPLITS = ("train", "validation", "test")


class Units(NamedTuple):
    """Raw units of a stored 1: 1, or 2⁻¹⁵ for 16-bit audio, of which the raw unit is full scale.

    Attributes:
        x: Of inputs.
        y: Of targets.
    """

    x: float = 1.0
    y: float = 1.0


RAW = Units()


@dataclass(frozen=True, eq=False)
class Split:
    """One split, mapped read-only.

    Attributes:
        x_EBNI: Inputs as they are stored.
        y: Targets as they are stored, `[E, B, N]` or `[E, B, N, K]`.
        accuracy_ceiling: See `Task.accuracy_ceiling`.
    """

    x_EBNI: NDArray[Any]
    y: NDArray[Any]
    accuracy_ceiling: float | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """A verified dataset.

    Attributes:
        folder: Where it is.
        task: The name of its task.
        parameters: Those of the task.
        ends: What a network for it reads and predicts.
        units: Of stored numbers.
        fresh: Whether each epoch of training has a series of its own.
        warmup: The first steps of a row do not count, nor do targets that are missing; `None` where all count.
        chance: See `Task.chance`.
        horizon: Steps from an input to the target that belongs to it.
        train: To learn from.
        validation: To watch the learning.
        test: To evaluate.
        digest: Identifies its content and how it was made.
        origin: The configuration that it was made of.
    """

    folder: Path
    task: str
    parameters: dict[str, Any]
    ends: Ends
    train: Split
    validation: Split
    test: Split
    units: Units = RAW
    fresh: bool = True
    warmup: int | None = None
    chance: float | None = None
    horizon: int = 0
    digest: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)


def publish(folder: Path, write: Callable[[Path], dict[str, Any]], origin: Mapping[str, Any]) -> None:
    """Replaces the dataset in `folder` by what `write` makes in the empty folder that it is given.

    An earlier dataset stays usable until all series are written, and other files in `folder` are not touched.

    Args:
        folder: Created where missing.
        write: Writes the series, and returns the content of the manifest: the attributes of `Dataset` as JSON values,
            and `splits`, each as `split_entry` describes it.
        origin: The configuration that this was made of, as JSON values; kept with it.

    Raises:
        UserError: The folder cannot be written, or the disk has too little room.
    """
    with replacing_files(folder, last=MANIFEST.name) as scratch:
        MANIFEST.write_into(scratch, write(scratch) | {"origin": dict(origin)})


def split_entry(folder: Path, name: str, **facts: Any) -> dict[str, Any]:
    """The entry of a written split in the manifest, with more facts about it."""
    series = {axis: np.lib.format.open_memmap(folder / file_name(name, axis), mode="r") for axis in ("x", "y")}
    return {
        "shape": {axis: list(each.shape) for axis, each in series.items()},
        "dtype": {axis: each.dtype.name for axis, each in series.items()},
        **facts,
        "files": {axis: file_entry(folder / file_name(name, axis)) for axis in series},
    }


def open_dataset(folder: Path) -> Dataset:
    """Opens the dataset in `folder` after verifying every file against its manifest.

    Raises:
        UserError: Something is missing, damaged, edited, or of another version.
    """
    content = MANIFEST.read(folder)
    with MANIFEST.taking(folder):
        return _opened(folder, content)


def _opened(folder: Path, content: dict[str, Any]) -> Dataset:
    splits: dict[str, Any] = {}
    for name, split in content["splits"].items():
        x_EBNI, y = (_open_series(folder, name, axis, split) for axis in ("x", "y"))
        splits[name] = Split(x_EBNI, y, split["accuracy_ceiling"])
    known: dict[str, Any] = {
        name: content[name] for name in ("fresh", "warmup", "chance", "horizon", "digest", "origin")
    }
    task, ends = content["task"], Ends.from_dict(content["ends"])
    return Dataset(folder, task["name"], task["parameters"], ends, units=Units(*content["units"]), **splits, **known)


def _open_series(folder: Path, name: str, axis: str, split: dict[str, Any]) -> NDArray[Any]:
    """Maps one file read-only, after comparing size, checksum, dtype and shape with the manifest."""
    path, entry = folder / file_name(name, axis), split["files"][axis]
    with MANIFEST.verified(path, entry, "a series of the dataset"):
        series = np.lib.format.open_memmap(path, mode="r")
    expected, got = (split["dtype"][axis], split["shape"][axis]), (series.dtype.name, list(series.shape))
    if got != expected:
        raise MANIFEST.mismatch(path, f"{expected[0]} of shape {expected[1]}", f"{got[0]} of shape {got[1]}")
    return series


def file_name(split: str, axis: str) -> str:
    """The file of the inputs (`x`) or the targets (`y`) of a split."""
    return f"{split}_{axis}.npy"
