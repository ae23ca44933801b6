"""Around the jobs of a sweep: its folder, and its outcome, one row for each combination of settings over its seeds."""

import shlex
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout
from rich import print as rich_print
from rich.markup import escape
from rich.table import Table

from echo_rnn.config.schema import Tracking
from echo_rnn.errors import UserError
from echo_rnn.files import unwritable
from echo_rnn.stages.job import RESULT, Result
from echo_rnn.stages.store import print_comparison, store_of
from echo_rnn.tracking import MetricRow

SHOWN = ("accuracy", "accuracy_gap", "loss")

_held: list[FileLock] = []  # as long as the process lives


def begin(folder: Path, jobs: Sequence[Sequence[str]]) -> None:
    """Locks the folder of a sweep for as long as this process lives, before its jobs start.

    Args:
        folder: The sweep's, with a folder for each job by its number.
        jobs: The overrides of each job.

    Raises:
        UserError: Another sweep is at work there, or the folder holds the jobs of another sweep.
    """
    lock = FileLock(folder / "sweep.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"hydra.sweep.dir: expected a folder in which no sweep is at work, got {folder}; wait until that has ended",
            "sweep.busy",
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    _held.append(lock)
    for number, overrides in enumerate(jobs):
        _require_same(folder / str(number), overrides)


def log(tracking: Tracking, summary: "Summary") -> None:
    """Logs a finished sweep in a run of its own, and prints the links to its pages."""
    store = store_of(tracking)
    tags = {"summary_of": summary.name, "kind": "summary"}
    with store.run(f"summary of {summary.name}", summary.markdown(), tags) as run:
        run.log_metrics(summary.metrics())
        run.log_text(summary.markdown(), "summary.md")
    print_comparison(store, summary.name)


class Row(NamedTuple):
    """One combination of settings.

    Attributes:
        settings: The overrides that its jobs share, seeds left out.
        seeds: How many jobs ended well.
        means: Of each metric in `SHOWN` over the seeds.
        spreads: Standard deviations, `None` for a single seed.
    """

    settings: str
    seeds: int
    means: list[float]
    spreads: list[float | None]


@dataclass(frozen=True)
class Summary:
    """The results of the sweep `name`."""

    name: str
    results: Sequence[Result]

    @property
    def failed(self) -> list[Result]:
        """Jobs that ended badly."""
        return [result for result in self.results if "error" in result]

    @property
    def rows(self) -> list[Row]:
        """Combinations in the order in which they were first met."""
        groups: dict[str, list[Result]] = defaultdict(list)
        for result in self.results:
            if "error" not in result:
                groups[_settings(result)].append(result)
        return [_row(settings, group) for settings, group in groups.items()]

    def metrics(self) -> Iterator[MetricRow]:
        """The sweep as a whole, for its own run."""
        yield "sweep/jobs", len(self.results), 0
        yield "sweep/failed", len(self.failed), 0
        if self.rows:
            yield "sweep/best_accuracy", max(row.means[0] for row in self.rows), 0

    def show(self) -> None:
        """Prints the table and what failed."""
        table = Table("settings", "seeds", *SHOWN, title=f"sweep {self.name}", caption="mean ± standard deviation")
        for row in self.rows:
            table.add_row(escape(row.settings), str(row.seeds), *_cells(row))
        if self.rows:
            rich_print(table)
        for result in self.failed:
            print(f"failed: {shlex.join(result['overrides'])}: {result['error']}")

    def markdown(self) -> str:
        """The same for MLflow's pages."""
        head = ("settings", "seeds", *SHOWN)
        lines = [_line(head), _line(["---"] * len(head))]
        lines += [_line((f"`{row.settings}`", str(row.seeds), *_cells(row))) for row in self.rows]
        lines += ["", f"Mean ± standard deviation over seeds; the runs share the tag `sweep = {self.name}`.", ""]
        lines += [f"- failed: `{shlex.join(result['overrides'])}`: {result['error']}" for result in self.failed]
        return "\n".join(lines)


def _require_same(job: Path, overrides: Sequence[str]) -> None:
    """Refuses a folder that holds the jobs of another sweep, before one of them is overwritten."""
    try:
        there = RESULT.read(job)["overrides"]
    except UserError:
        return  # nothing, or nothing that can be used
    if there != overrides:
        raise UserError(
            f"hydra.sweep.dir: expected the folder of this sweep, in which job {job.name} is {shlex.join(overrides)}, "
            f"got {job.parent}, in which it is {shlex.join(there)}; choose another folder, or omit it",
            "sweep.other",
        )


def read_results(folder: Path, jobs: Sequence[Sequence[str]]) -> list[Result]:
    """What each job of a sweep wrote; a job without a whole result has failed.

    Args:
        folder: The sweep's, with a folder for each job by its number.
        jobs: The overrides of each job.
    """
    return [_read(folder / str(number), overrides) for number, overrides in enumerate(jobs)]


def _read(job: Path, overrides: Sequence[str]) -> Result:
    if not (job / RESULT.name).exists():
        return {"overrides": overrides, "error": "ended without a result" if job.exists() else "was not started"}
    try:
        return RESULT.read(job)
    except UserError as error:
        return {"overrides": overrides, "error": str(error)}


def _settings(result: Result) -> str:
    return shlex.join(part for part in result["overrides"] if not part.startswith("seed=")) or "as in conf/"


def _row(settings: str, group: Sequence[Result]) -> Row:
    columns = [[result["metrics"][name] for result in group] for name in SHOWN]
    spreads = [statistics.stdev(column) if len(column) > 1 else None for column in columns]
    return Row(settings, len(group), [statistics.fmean(column) for column in columns], spreads)


def _cells(row: Row) -> list[str]:
    pairs = zip(row.means, row.spreads, strict=True)
    return [f"{mean:.6f}" if spread is None else f"{mean:.6f} ± {spread:.6f}" for mean, spread in pairs]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
