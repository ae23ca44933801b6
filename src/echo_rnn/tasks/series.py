"""Your own series: from files to a dataset, in pieces of bounded size.

1. Every file is read once, checked, and written as it came to one flat file of inputs and one of targets.
2. Each file's steps are given to the splits, by patterns of file names or by shares in order of time; within each
   stretch the targets are moved by `horizon` steps, so that none comes from another split.
3. The scaling is fitted on the training stretches alone.
4. The stretches of a split are cut to rows: `rows` rows as the article does, each beginning `warmup` steps early, with
   the end of the row before, so that every step but the first ones counts once; or one row for each stretch, filled up
   with steps without a target.
"""

import fnmatch
import glob
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from echo_rnn.core.windows.counting import NO_CLASS
from echo_rnn.errors import UserError
from echo_rnn.files import remove
from echo_rnn.manifest import file_entry
from echo_rnn.tasks.dataset import SPLITS, file_name, publish, split_entry
from echo_rnn.tasks.ends import Ends, Kind
from echo_rnn.tasks.scaling import Scaling
from echo_rnn.tasks.sources import PIECE, Source, open_source

Array = NDArray[Any]
Progress = Callable[[int], object]


class Stretch(NamedTuple):
    """Consecutive steps of the flat files."""

    start: int
    stop: int


@dataclass(frozen=True)
class Series:
    """The options of `task=series`; see conf/task/series.yaml.

    Attributes:
        input_files: Patterns of the files with inputs.
        target_files: Of those with targets, in the same order; `None` where they are the same files.
        input_columns: Names; `None` for all, and for a sound its one channel.
        target_columns: Likewise.
        time_column: A column that must not go backwards, or `None`.
        classes: C where the target is one of classes 0 to C - 1; `None` for real targets.
        horizon: Steps from an input to its target.
        validation: Share of each file, or a pattern of input files.
        test: Likewise; the last share.
        scaling: `none`, `standard` (mean 0, deviation 1) or `peak` (largest size 1).
        missing: Whether targets may be missing: `refuse` or `mask`.
        rows: Rows of each split; `None` where every file is a row.
    """

    input_files: Sequence[str]
    target_files: Sequence[str] | None
    input_columns: Sequence[str] | None
    target_columns: Sequence[str] | None
    time_column: str | None
    classes: int | None
    horizon: int
    validation: float | str
    test: float | str
    scaling: Literal["none", "standard", "peak"]
    missing: Literal["refuse", "mask"]
    rows: int | None

    @cached_property
    def pairs(self) -> list[tuple[Source, Source]]:
        """The opened files of inputs and targets.

        Raises:
            UserError: There are none, or they do not belong together.
        """
        inputs = _matching(self.input_files, "task.input_files")
        targets = inputs if self.target_files is None else _matching(self.target_files, "task.target_files")
        if len(inputs) != len(targets):
            raise UserError(
                f"task.target_files: expected {len(inputs)} files, one for each of task.input_files, got "
                f"{len(targets)}; change the patterns",
                "data.unpaired",
            )
        pairs = [
            (source, source if self.target_files is None else open_source(target))
            for source, target in zip(map(open_source, inputs), targets, strict=True)
        ]
        for pair in pairs:
            for source in pair:
                if source.rate != pairs[0][0].rate:
                    raise UserError(
                        f"{source.path}: expected {_rate(pairs[0][0])} as in {pairs[0][0].path}, got {_rate(source)}; "
                        "resample it",
                        "data.sample_rate",
                    )
            if None not in (lengths := [source.steps for source in pair]) and lengths[0] != lengths[1]:
                raise _other_length(*pair, *lengths)
        return pairs

    @cached_property
    def columns(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of inputs and targets, the same in every file.

        Raises:
            UserError: A file lacks one.
        """
        source, target = self.pairs[0]
        left = [name for name in source.columns if name != self.time_column]
        inputs = self._chosen(self.input_columns, source, left, "input")
        others = [name for name in target.columns if name != self.time_column]
        same = self.target_files is None
        if same and self.target_columns is None:
            raise UserError(
                f"task.target_columns: expected columns of {target.path} to predict, among {', '.join(others)}, "
                "got null; name them",
                "data.no_target",
            )
        targets = self._chosen(self.target_columns, target, others, "target")
        if same and self.input_columns is None and not self.horizon:
            inputs = tuple(name for name in inputs if name not in targets)
        if self.classes is not None and len(targets) != 1:
            raise UserError(
                f"task.target_columns: expected one column of classes for task.classes = {self.classes}, got "
                f"{len(targets)}; name one",
                "data.classes",
            )
        time = [self.time_column] if self.time_column else []
        wanted = itertools.chain.from_iterable(((x, [*inputs, *time]), (y, targets)) for x, y in self.pairs)
        for each, names in wanted:
            missing = [name for name in names if name not in each.columns]
            if missing:
                raise UserError(
                    f"{each.path}, row 0, column {missing[0]}: expected a column of this name, got "
                    f"{', '.join(each.columns)[:200]}; change task.*_columns or the file",
                    "data.no_column",
                )
        return inputs, targets

    @property
    def ends(self) -> Ends:
        """What a network for it reads and predicts, not yet scaled."""
        inputs, targets = self.columns
        kind: Kind = "real" if self.classes is None else "classes"
        outputs, own = self.classes or len(targets), tuple[int, ...]()
        if kind == "real":
            if self.target_files is not None and len(inputs) == len(targets):
                own = tuple(range(len(inputs)))
            elif set(targets) <= set(inputs):
                own = tuple(inputs.index(name) for name in targets)
        scaling = Scaling.identity(len(inputs), 0 if kind == "classes" else outputs)
        return Ends(kind, len(inputs), outputs, scaling, inputs, targets, own, sample_rate=self.pairs[0][0].rate)

    @property
    def training_files(self) -> int:
        """Files of which at least a part is trained on."""
        return sum(self.split_of(source.path) is None for source, _ in self.pairs)

    @property
    def training_steps(self) -> int:
        """About so many steps are trained on, from the headers and sizes of files."""
        shares = [share for share in (self.validation, self.test) if isinstance(share, float)]
        own = [source for source, _ in self.pairs if self.split_of(source.path) is None]
        return round((1 - sum(shares)) * sum(source.estimated_steps for source in own))

    def _chosen(self, names: Sequence[str] | None, source: Source, left: Sequence[str], which: str) -> tuple[str, ...]:
        if names is not None:
            return tuple(map(str, names))
        if source.rate is not None and len(left) > 1:
            raise UserError(
                f"{source.path}: expected one channel, got {len(left)}; choose with task.{which}_columns=['0'], or mix "
                "it down",
                "data.channels",
            )
        return tuple(left)

    def split_of(self, path: Path) -> str | None:
        """The split that patterns give a whole file to; `None` where shares divide it."""
        for name in ("validation", "test"):
            pattern = getattr(self, name)
            if isinstance(pattern, str) and (
                fnmatch.fnmatch(str(path), pattern) or fnmatch.fnmatch(path.name, pattern)
            ):
                return name
        return None


def generate_series(
    task: Series,
    folder: Path,
    *,
    warmup: int,
    origin: Mapping[str, Any] = MappingProxyType({}),
    progress: Progress = lambda steps: None,
) -> None:
    """Writes the dataset of files in `folder`; memory stays bounded however long they are.

    Args:
        task: The options.
        folder: Created where missing; see `publish` for an earlier dataset.
        warmup: The first steps of each row do not count.
        origin: The configuration that this was made of, as JSON values; kept with it.
        progress: Called with the number of steps just read.

    Raises:
        UserError: Something is wrong with a file, or the folder cannot be written.
    """
    ends = task.ends  # everything that headers tell is checked before the first byte is written

    def write(temporary: Path) -> dict[str, Any]:
        flat = _Flat(task, ends, temporary)
        files = flat.read(progress)
        stretches = {name: _stretches(task, files, name) for name in SPLITS}
        scaling = _fitted(task, ends, flat, stretches["train"])
        fitted = Ends(**{**vars(ends), "scaling": scaling})
        padded = task.rows is None and any(len({b - a for a, b in parts}) > 1 for parts in stretches.values())
        gaps = padded or task.missing == "mask"
        splits = {}
        for name, parts in stretches.items():
            _write_split(task, ends, flat, parts, temporary, name, warmup)
            splits[name] = split_entry(temporary, name, accuracy_ceiling=None)
        flat.remove()
        sources = {str(source.path): file_entry(source.path) for pair in task.pairs for source in pair}
        return {
            "task": {"name": "series", "parameters": _parameters(task)},
            "sources": sources,
            "ends": fitted.to_dict(),
            "units": [flat.units[0], flat.units[1]],
            "fresh": False,
            "warmup": warmup if warmup or gaps else None,
            "chance": None,
            "horizon": task.horizon,
            "splits": splits,
        }

    publish(folder, write, origin)


class _Flat:
    """All steps of all files, one after another: inputs `[N, I]`, and targets `[N]` or `[N, K]`."""

    def __init__(self, task: Series, ends: Ends, folder: Path) -> None:
        self._task, self._ends = task, ends
        self.paths = folder / "flat_x.bin", folder / "flat_y.bin"
        inputs, targets = ([pair[side] for pair in task.pairs] for side in (0, 1))
        x_dtype, x_unit = _common(inputs)
        y_dtype, y_unit = ("uint8", 1.0) if task.classes else _common(targets)
        if not task.classes and y_dtype != "float32" and (task.missing == "mask" or task.rows is None):
            y_dtype, y_unit = "float32", 1.0  # a missing target is NaN
        self.dtypes, self.units = (np.dtype(x_dtype), np.dtype(y_dtype)), (x_unit, y_unit)

    def read(self, progress: Progress) -> list[Stretch]:
        """Writes the flat files and returns the stretch of each pair of files."""
        files: list[Stretch] = []
        inputs, targets = self._task.columns
        with self.paths[0].open("wb") as x_file, self.paths[1].open("wb") as y_file:
            for source, target in self._task.pairs:
                start = files[-1].stop if files else 0
                if source is target:
                    steps = 0
                    for piece in source.pieces([*inputs, *targets], self._task.time_column):
                        self._put(x_file, 0, source, piece[:, : len(inputs)], inputs, steps)
                        self._put(y_file, 1, target, piece[:, len(inputs) :], targets, steps)
                        steps += len(piece)
                        progress(len(piece))
                else:
                    lengths = []
                    for side, (each, names) in enumerate(((source, inputs), (target, targets))):
                        steps, time = 0, self._task.time_column if side == 0 else None
                        for piece in each.pieces(names, time):
                            self._put((x_file, y_file)[side], side, each, piece, names, steps)
                            steps += len(piece)
                            progress(len(piece) * (side == 0))
                        lengths.append(steps)
                    if lengths[0] != lengths[1]:
                        raise _other_length(source, target, *lengths)
                files.append(Stretch(start, start + steps))
        return files

    def open(self, side: int) -> Array:
        """Inputs (0) or targets (1), mapped; opened anew each time, so that pages that were read are released."""
        width = (self._ends.inputs, 1 if self._task.classes else self._ends.outputs)[side]
        return np.memmap(self.paths[side], self.dtypes[side], "r").reshape(-1, width)

    def remove(self) -> None:
        """Removes the files."""
        for path in self.paths:
            remove(path)

    def _put(self, file: Any, side: int, source: Source, piece: Array, names: Sequence[str], done: int) -> None:
        """Checks and writes a piece."""
        if piece.dtype.kind == "f":
            gaps = np.argwhere(np.isnan(piece))
            if gaps.size and (side == 0 or self._task.missing == "refuse"):
                row, column = gaps[0]
                remedy = "fill it" if side == 0 else "fill it, or choose task.missing=mask"
                source.refuse(done + int(row), names[column], "a number", "none", remedy)
        if side == 1 and self._task.classes:
            piece = self._classes(source, piece, names[0], done)
        elif piece.dtype != self.dtypes[side]:
            piece = piece * np.float32(source.unit)
        file.write(np.ascontiguousarray(piece, self.dtypes[side]).data)

    def _classes(self, source: Source, piece: Array, name: str, done: int) -> Array:
        most = self._task.classes or 0
        missing = np.isnan(piece) if piece.dtype.kind == "f" else np.zeros(piece.shape, np.bool_)
        bad = np.flatnonzero(~missing & ((piece < 0) | (piece >= most) | (piece != np.floor(piece))))
        if bad.size:
            got = f"{piece.ravel()[bad[0]]:g}"
            source.refuse(
                done + int(bad[0]), name, f"a class from 0 to {most - 1}", got, "change task.classes or the file"
            )
        return np.where(missing, NO_CLASS, piece)


def _stretches(task: Series, files: Sequence[Stretch], name: str) -> list[Stretch]:
    """The stretches of a split; each has more steps than the horizon."""
    found = []
    shares = {split: getattr(task, split) for split in ("validation", "test")}
    for (source, _), (start, stop) in zip(task.pairs, files, strict=True):
        given = task.split_of(source.path)
        if given is not None:
            if given == name:
                found.append(Stretch(start, stop))
            continue
        parts = [share if isinstance(share, float) else 0.0 for share in shares.values()]
        steps = stop - start
        first, second = (start + round(steps * (1 - part)) for part in (sum(parts), parts[1]))
        own = {"train": (start, first), "validation": (first, second), "test": (second, stop)}[name]
        if own[0] < own[1]:
            found.append(Stretch(*own))
    longer = [part for part in found if part.stop - part.start > task.horizon]
    if not longer:
        raise UserError(
            f"task.{name if name != 'train' else 'validation'}: expected a {name} split of more than task.horizon = "
            f"{task.horizon} steps, got none; change the shares or patterns",
            "data.empty_split",
        )
    return longer


def _fitted(task: Series, ends: Ends, flat: _Flat, parts: Sequence[Stretch]) -> Scaling:
    """The scaling of the training stretches."""
    identity = ends.scaling
    if task.scaling == "none":
        return identity
    inputs, targets = ends.input_names, ends.target_names
    x = _offset_and_scale(task.scaling, flat, 0, [Stretch(a, b - task.horizon) for a, b in parts], inputs)
    if ends.kind == "classes":
        return Scaling(*x, identity.target_offset_K, identity.target_scale_K)
    if ends.own_inputs and task.target_files is None:  # the same quantity, and so the same scaling
        own = list(ends.own_inputs)
        return Scaling(*x, x[0][own], x[1][own])
    return Scaling(
        *x, *_offset_and_scale(task.scaling, flat, 1, [Stretch(a + task.horizon, b) for a, b in parts], targets)
    )


def _offset_and_scale(
    scaling: str, flat: _Flat, side: int, parts: Sequence[Stretch], names: Sequence[str]
) -> tuple[Array, Array]:
    """Offset and scale of each column, in two passes over its pieces; missing numbers are left out."""
    unit, width = flat.units[side], len(names)
    count, total, peak = np.zeros(width), np.zeros(width), np.zeros(width)
    for piece in _pieces(flat, side, parts):
        raw = piece.astype(np.float64) * unit
        count += np.isfinite(raw).sum(axis=0)
        total += np.nansum(raw, axis=0)
        peak = np.maximum(peak, np.nanmax(np.abs(raw), axis=0, initial=0.0, where=np.isfinite(raw)))
    if scaling == "peak":
        offset, scale = np.zeros(width), peak
    else:
        offset, squares = total / np.maximum(count, 1), np.zeros(width)
        for piece in _pieces(flat, side, parts):
            squares += np.nansum((piece.astype(np.float64) * unit - offset) ** 2, axis=0)
        scale = np.sqrt(squares / np.maximum(count, 1))
    flat_columns = np.flatnonzero(scale <= 1e-12 * np.maximum(peak, 1e-300))
    if flat_columns.size:
        name = names[flat_columns[0]]
        raise UserError(
            f"column {name} of {'inputs' if side == 0 else 'targets'}, all rows: expected numbers that differ for "
            f"task.scaling = {scaling}, got a constant; leave the column out, or choose task.scaling=none",
            "data.constant",
        )
    return offset, scale


def _pieces(flat: _Flat, side: int, parts: Sequence[Stretch]) -> Any:
    for start, stop in parts:
        for first in range(start, stop, PIECE):
            yield np.array(flat.open(side)[first : min(first + PIECE, stop)])


def _write_split(
    task: Series, ends: Ends, flat: _Flat, parts: Sequence[Stretch], folder: Path, name: str, warmup: int
) -> None:
    """Cuts the stretches of a split to rows, and writes these."""
    for side, axis in enumerate(("x", "y")):
        shift = task.horizon if side else 0
        moved = [Stretch(a + shift, b - task.horizon + shift) for a, b in parts]
        rows = _rows(moved, task.rows, warmup, name)
        steps = max(sum(b - a for a, b in row) for row in rows)
        width = () if side and ends.kind == "classes" else (ends.outputs if side else ends.inputs,)
        header = {"descr": np.lib.format.dtype_to_descr(flat.dtypes[side]), "fortran_order": False}
        empty = np.zeros((), flat.dtypes[side])
        if side:
            empty = np.asarray(
                NO_CLASS if ends.kind == "classes" else np.nan if empty.dtype.kind == "f" else 0, empty.dtype
            )
        with (folder / file_name(name, axis)).open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {**header, "shape": (1, len(rows), steps, *width)})
            for row in rows:
                written = 0
                for piece in _pieces(flat, side, row):
                    file.write(piece.data)
                    written += len(piece)
                while written < steps:
                    count = min(PIECE, steps - written)
                    file.write(np.full((count, *width), empty).data)
                    written += count


def _rows(parts: Sequence[Stretch], rows: int | None, warmup: int, name: str) -> list[list[Stretch]]:
    """The stretches of each row."""
    if rows is None:
        return [[part] for part in parts]
    total = sum(stop - start for start, stop in parts)
    new = (total - warmup) // rows
    if new < 1:
        raise UserError(
            f"task.batch_size: expected rows of the {total:,} steps of the {name} split that are longer than "
            f"task.warmup = {warmup}, got {rows} rows; lower either",
            "data.too_short",
        )
    return [_between(parts, row * new, row * new + warmup + new) for row in range(rows)]


def _between(parts: Sequence[Stretch], first: int, last: int) -> list[Stretch]:
    """Steps `first` to `last` of stretches put together."""
    found, before = [], 0
    for start, stop in parts:
        own = Stretch(start + max(first - before, 0), min(stop, start + last - before))
        if own.start < own.stop:
            found.append(own)
        before += stop - start
    return found


def _matching(patterns: Sequence[str], key: str) -> list[Path]:
    found = [Path(path) for pattern in patterns for path in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 (absolute patterns, too)
    if not found:
        raise UserError(
            f"{key}: expected files like {', '.join(patterns)}, got none; change the pattern", "data.no_files"
        )
    return found


def _common(sources: Sequence[Source]) -> tuple[str, float]:
    """The type and unit in which numbers of all these are stored."""
    kinds = {(source.dtype, source.unit) for source in sources}
    return kinds.pop() if len(kinds) == 1 else ("float32", 1.0)


def _parameters(task: Series) -> dict[str, Any]:
    return {name: value for name, value in asdict(task).items() if name != "rows"}


def _rate(source: Source) -> str:
    return "no sample rate" if source.rate is None else f"{source.rate:,} samples per second"


def _other_length(source: Source, target: Source, steps: int | None, others: int | None) -> UserError:
    return UserError(
        f"{target.path}: expected {steps:,} {target.counts}s as in {source.path}, got {others:,}; cut both to one "
        "length",
        "data.lengths",
    )
