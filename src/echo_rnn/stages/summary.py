"""The outcome of a sweep: one row for each combination of settings, over its seeds."""

import shlex
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich import print as rich_print
from rich.markup import escape
from rich.table import Table

from echo_rnn.errors import UserError
from echo_rnn.manifest import Manifest
from echo_rnn.tracking import MetricRow

RESULT = Manifest(
    kind="result of a job",
    name="result.json",
    format=1,
    remedy="the same sweep with hydra.sweep.dir set to its folder runs the job again",
)
SHOWN = ("accuracy", "accuracy_gap", "loss")
Result = dict[str, Any]


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


def read_results(folder: Path, jobs: Sequence[Sequence[str]]) -> list[Result]:
    """What each job of a sweep wrote; a job whose result is missing or damaged has failed.

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
