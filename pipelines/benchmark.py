"""Stage `benchmark`, and sweeps that Hydra composes: unrolling strategies against each other.

    python -m pipelines.benchmark --stage                        what dvc.yaml runs
    python -m pipelines.benchmark -m sweep=static_vs_dynamic     a named sweep of conf/sweep/, with its report and runs

A sweep that was stopped goes on where it was: what has been measured on this machine with this code is kept.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from echo_rnn.benchmark.measure.expected import expected_seconds, require_memory
from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.benchmark.measure.plan import Task, plan
from echo_rnn.benchmark.measure.request import Request
from echo_rnn.benchmark.measure.run import measure
from echo_rnn.benchmark.measure.strategies import require_strategies
from echo_rnn.config import Config, read
from echo_rnn.config.benchmarks import Benchmark
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import measuring
from echo_rnn.stages.layout import STAGE
from echo_rnn.stages.shapes import shapes_of
from pipelines.hydra_entry import run_composed


def run(config: Config, records: Path) -> int:
    """Measures what of the sweep has not been measured; returns how many processes that took."""
    sweep, how = config.sweep, config.benchmark
    shapes = shapes_of(config)
    for shape in shapes:
        require_strategies(shape, sweep.strategies)
        require_memory(shape, sweep.strategies)
    tasks = plan(
        records,
        shapes,
        sweep.strategies,
        processes=how.processes,
        memory=sweep.memory,
        fingerprint=fingerprint(),
    )
    missing = [task for task in tasks if how.again or not task.is_finished]
    with measuring(records.parent):
        _measure(sweep.name, missing, len(tasks), how)
    return len(missing)


def _measure(name: str, missing: Sequence[Task], total: int, how: Benchmark) -> None:
    expected = [_expected(task, how) for task in missing]
    done = total - len(missing)
    print(f"{name}: {total} processes, {done} measured before; the others take about {minutes(sum(expected))}")
    # The bar counts expected seconds, so that it moves evenly over shapes that differ a thousandfold.
    with tqdm(total=sum(expected), unit="s", unit_scale=True, desc=name, disable=None) as bar:
        for task, seconds in zip(missing, expected, strict=True):
            bar.set_postfix_str(task.shape.key)
            before = bar.n

            def follow(progress: dict[str, Any], before: float = before, seconds: float = seconds) -> None:
                if "round" in progress:
                    bar.update(before + seconds * progress["round"] / progress["of"] - bar.n)

            measure(_request(task, how), task.path, follow)
            bar.update(before + seconds - bar.n)


def _request(task: Task, how: Benchmark) -> Request:
    timing: dict[str, Any] = {
        "labels": task.labels,
        "rounds": how.rounds,
        "minimum_seconds": how.minimum_milliseconds / 1000,
        "budget_seconds": how.budget_seconds,
        "peak": task.number == 0,
    }
    return Request(task.shape, seed=task.number, **({"memory": task.labels[0]} if task.memory else timing))


def _expected(task: Task, how: Benchmark) -> float:
    minimum = how.minimum_milliseconds / 1000
    return expected_seconds(task.shape, task.labels, how.rounds, minimum, how.budget_seconds, memory=task.memory)


def minutes(seconds: float) -> str:
    """A duration as it is announced."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


if __name__ == "__main__":
    with one_sentence():
        if sys.argv[1:] == ["--stage"]:
            run(read(STAGE.config), STAGE.records)
        else:
            from pipelines.benchmark_job import job

            run_composed(job)
