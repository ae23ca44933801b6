"""Around the jobs of a sweep: its folder, and its outcome, one row for each combination of settings over its seeds."""

import os
import shlex
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.config.schema import Tracking
from echo_rnn.errors import UserError
from echo_rnn.files import write_table
from echo_rnn.stages.alone import alone, owner
from echo_rnn.stages.job import RESULT, Result
from echo_rnn.stages.show import show_rows
from echo_rnn.stages.store import SPEED_CHARTS, print_comparison, store_of
from echo_rnn.tracking import MetricRow
from echo_rnn.units import seconds

SPEED = {"each_step_seconds": "each step", "first_call_seconds": "first call", "steps_seconds": "all steps"}
"""Columns of the table from a job's `speed`, which stand before its metrics."""
SHOWN = ("accuracy", "accuracy_gap", "loss", "esr_db", "r2", "rmse")
"""Columns of the table from a job's metrics, of those that its task has."""


@contextmanager
def begin(folder: Path) -> Iterator[None]:
    """Inside the block this process owns the folder of a sweep; jobs that have outlived an earlier call are named.

    Raises:
        UserError: Another process launches jobs there.
    """
    with alone(folder, "hydra.sweep.dir", seconds=0, code="sweep.busy"):
        for result in read_results(folder):
            if "at_work" in result:
                print(f"at work: {_at_work(result)}; it is waited for", file=sys.stderr)
        yield


def log(tracking: Tracking, summary: "Summary") -> None:
    """Logs a sweep in one run of its own, however often it is called, and prints the links to its pages."""
    store = store_of(tracking)
    tags = {"summary_of": summary.name, "kind": "summary"}
    earlier = store.tagged(tags)
    opened = store.resume(earlier[0]) if earlier else store.run(f"summary of {summary.name}", summary.markdown(), tags)
    with opened as run:
        run.describe(summary.markdown())
        run.log_metrics(summary.metrics(), remeasured=True)
        run.log_text(summary.markdown(), "summary.md")
    print_comparison(store, summary.name, SPEED_CHARTS)


@dataclass(frozen=True)
class Summary:
    """The results of the sweep `name`."""

    name: str
    results: Sequence[Result]

    @property
    def failed(self) -> list[Result]:
        """Jobs that ended badly, or have not ended."""
        return [result for result in self.results if "error" in result]

    @property
    def groups(self) -> dict[tuple[str, str], list[Result]]:
        """Jobs that ended well by the overrides that they share, seeds left out, and their machine, in their order."""
        groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
        for result in self.results:
            if "error" not in result:
                shared = shlex.join(part for part in result["overrides"] if not part.startswith("seed="))
                groups[shared or "as in conf/", _machine(result)].append(result)
        return groups

    @property
    def _by_settings(self) -> dict[str, list[Result]]:
        """The groups, whatever the machine: scores do not depend on it beyond last bits."""
        whole: dict[str, list[Result]] = defaultdict(list)
        for (settings, _), group in self.groups.items():
            whole[settings] += group
        return whole

    @property
    def rows(self) -> list[dict[str, str]]:
        """The table: for each group the mean of its times and of each metric in `SHOWN`, ± the standard deviation."""
        rows, machines = [], {machine for _, machine in self.groups}
        for (settings, machine), group in self.groups.items():
            where = {"machine": machine} if len(machines) > 1 else {}
            row = {"settings": settings, **where, "seeds": str(len(group))}
            for name, column in SPEED.items():
                row[column] = _mean([result["speed"][name] for result in group], seconds)
            for name in SHOWN:
                values = [value for result in group if (value := result["metrics"].get(name)) is not None]
                if values:
                    row[name] = _mean(values, "{:.6f}".format)
            rows.append(row)
        return rows

    def _shown(self) -> tuple[list[dict[str, str]], str]:
        """The rows without the settings and metrics that are the same in all of them, and a line about those."""
        rows = self.rows
        if len(rows) < 2:
            return rows, ""
        words = [shlex.split(row["settings"]) for row in rows]
        given = [word for word in words[0] if all(word in other for other in words)]
        equal = [name for name in SHOWN if name in rows[0] and len({row.get(name) for row in rows}) == 1]
        line = ", ".join([*given, *(f"{name} {rows[0][name]}" for name in equal)])
        left = [{name: value for name, value in row.items() if name not in equal} for row in rows]
        for row, own in zip(left, words, strict=True):
            row["settings"] = shlex.join(word for word in own if word not in given) or row["settings"]
        return left, f"equal in all rows: {line}" if line else ""

    def metrics(self) -> Iterator[MetricRow]:
        """The sweep as a whole, for its own run."""
        yield "sweep/jobs", len(self.results), 0
        yield "sweep/failed", len(self.failed), 0
        for name, best in (("accuracy", max), ("esr_db", min)):
            every = ([result["metrics"].get(name) for result in group] for group in self._by_settings.values())
            if means := [statistics.fmean(group) for group in every if None not in group]:
                yield f"sweep/best_{name}", best(means), 0
        times = ([result["speed"]["each_step_seconds"] for result in group] for group in self.groups.values())
        if means := [statistics.fmean(group) for group in times]:
            yield "sweep/fastest_step_seconds", min(means), 0

    def show(self) -> None:
        """Prints the table and what failed."""
        rows, equal = self._shown()
        if rows:
            show_rows(f"sweep {self.name}: mean ± standard deviation", rows)
        if equal:
            print(equal)
        for result in self.failed:
            print(_outcome(result, shlex.join))

    def write(self, file: Path) -> None:
        """Writes all numbers as a CSV file, one row for each job."""
        ended = [result for result in self.results if "error" not in result]
        speed = dict.fromkeys(name for result in ended for name in result["speed"])
        scores = dict.fromkeys(name for result in ended for name in result["metrics"])
        where = dict.fromkeys(name for result in ended for name in result.get("machine", {}))
        rows = [
            [
                result["job"],
                shlex.join(result["overrides"]),
                result.get("run_id"),
                *(result.get("machine", {}).get(name) for name in where),
                *(result.get("speed", {}).get(name) for name in speed),
                *(result.get("metrics", {}).get(name) for name in scores),
                result.get("error"),
            ]
            for result in self.results
        ]
        write_table(file, ("job", "overrides", "run_id", *where, *speed, *scores, "error"), rows)

    def markdown(self) -> str:
        """The same for MLflow's pages."""
        rows, equal = self._shown()
        head = list(rows[0]) if rows else ["settings"]
        table = [head, ["---"] * len(head)]
        table += [[f"`{settings}`", *numbers] for settings, *numbers in (row.values() for row in rows)]
        lines = [f"| {' | '.join(cells)} |" for cells in table]
        lines += ["", equal] if equal else []
        lines += ["", f"Mean ± standard deviation over seeds; the runs share the tag `sweep = {self.name}`.", ""]
        lines += [f"- {_outcome(result, lambda words: f'`{shlex.join(words)}`')}" for result in self.failed]
        return "\n".join(lines)


def _machine(result: Result) -> str:
    """Where a job was trained, in words; empty where that was not recorded."""
    if not (found := result.get("machine")):
        return ""
    return f"{found['cpu']}, {found['threads']} threads on {found['cores']} cores ({found['fingerprint']})"


def _mean(values: Sequence[float], form: Callable[[float], str]) -> str:
    spread = f" ± {form(statistics.stdev(values))}" if len(values) > 1 else ""
    return f"{form(statistics.fmean(values))}{spread}"


def _outcome(result: Result, shown: Callable[[Sequence[str]], str]) -> str:
    """A job without numbers."""
    if "at_work" in result:
        return f"at work: {_at_work(result)}"
    return f"failed: {shown(result['overrides'])}: {result['error']}"


def _at_work(result: Result) -> str:
    words = shlex.join(result["overrides"])
    return f"job {result['job']} ({result.get('id', '')}), process {result['at_work']}: {words}"


def read_results(folder: Path) -> list[Result]:
    """What the jobs of a sweep have recorded, in their order: each by itself, so that any sweeper may propose them.

    A job has an `error` unless it has ended well, and `at_work`, a process, where that owns its folder.

    Args:
        folder: The sweep's, with a folder for each job, its `job`; by default that is its number.
    """
    results = []
    for place in sorted(_jobs(folder), key=lambda place: _natural(place.relative_to(folder))):
        try:
            result = RESULT.read(place)
        except UserError as error:
            result = {"overrides": [], "error": str(error)}
        # A job that ended well may have a process that is about to end, too.
        at_work = {"at_work": process} if "error" in result and (process := owner(place)) else {}
        results.append(result | {"job": place.relative_to(folder).as_posix()} | at_work)
    return results


def _jobs(folder: Path) -> Iterator[Path]:
    for place, below, names in os.walk(folder):
        if RESULT.name in names:
            below.clear()
            yield Path(place)


def _natural(place: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (sys.maxsize, part) for part in place.parts]
