"""Stage `benchmark`: measures what of a sweep has not been measured on this machine with this code."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from echo_rnn.benchmark.measure.contestants import strategies
from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.benchmark.measure.memory import require_memory
from echo_rnn.benchmark.measure.plan import Task, plan
from echo_rnn.benchmark.measure.records import REFERENCE, Record
from echo_rnn.benchmark.measure.session import Report, measure
from echo_rnn.benchmark.measure.shape import require_strategies
from echo_rnn.benchmark.measure.timing import Rounds
from echo_rnn.benchmark.measure.whole import measure_memory
from echo_rnn.config import Config
from echo_rnn.config.benchmarks import Benchmark
from echo_rnn.stages.alone import measuring
from echo_rnn.stages.shapes import shapes_of

Measure = Callable[[Task, Report], Record]
"""Makes one measurement; progress is reported."""


def measure_sweep(config: Config, records: Path) -> int:
    """Measures strategies against each other; returns how many processes that took.

    Raises:
        UserError: A shape cannot be measured, a record is damaged, or another measurement is at work.
    """
    sweep, how = config.sweep, config.benchmark
    shapes, own = shapes_of(config), fingerprint()
    for shape in shapes:
        require_strategies(shape, sweep.strategies)
        require_memory(shape, sweep.strategies)
    labels = tuple(dict.fromkeys((REFERENCE, *sweep.strategies)))
    slots = dict.fromkeys(shapes, labels)
    tasks = plan(records, slots, processes=how.processes, memory=sweep.memory, fingerprint=own)

    def measure_task(task: Task, report: Report) -> Record:
        if task.memory:
            return measure_memory(task.shape, task.slots[0], own)
        # The first process compiles everything, which is what a cold first call is; the others load it.
        first, cache = task.number == 0, config.runtime.compile_cache
        contestant = strategies(task.shape, task.slots, task.number, peak=first, cache=cache, load=not first)
        return measure(task.shape, [contestant], rounds_of(how, task.number), own, report=report)

    with measuring(records.parent):
        return measure_missing(sweep.name, tasks, measure_task, repeat=how.remeasure)


def rounds_of(how: Benchmark, seed: int) -> Rounds:
    """The configured rounds of one measurement."""
    return Rounds(how.rounds, how.minimum_milliseconds / 1000, how.budget_seconds, seed)


def measure_missing(name: str, tasks: Sequence[Task], measure_task: Measure, *, repeat: bool = False) -> int:
    """Makes the measurements that are not finished and writes each record; returns their number.

    Args:
        name: Of the sweep.
        tasks: All measurements.
        measure_task: Makes one.
        repeat: Whether to make finished ones again, too.
    """
    missing = [task for task in tasks if repeat or not task.is_finished]
    print(f"{name}: {len(tasks)} processes, {len(tasks) - len(missing)} measured before")
    with tqdm(missing, unit="process", desc=name, disable=None) as bar:
        for task in bar:

            def show(progress: dict[str, Any], task: Task = task) -> None:
                done = progress.get("slot") or f"round {progress['round']} of {progress['of']}"
                bar.set_postfix_str(f"{done}, {task.shape.key}")  # narrow terminals cut the end

            measure_task(task, show).write(task.path)
    return len(missing)
