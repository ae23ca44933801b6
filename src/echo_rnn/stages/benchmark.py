"""Stage `benchmark`: measures what of a sweep has not been measured on this machine with this code."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tqdm import tqdm

from echo_rnn.benchmark.measure.contestants import strategies
from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.benchmark.measure.memory import fit_together, require_memory
from echo_rnn.benchmark.measure.plan import Task, plan
from echo_rnn.benchmark.measure.ratios import agree
from echo_rnn.benchmark.measure.records import KINDS, REFERENCE, TRAINING, Record, read
from echo_rnn.benchmark.measure.session import Report, Session
from echo_rnn.benchmark.measure.shape import require_strategies
from echo_rnn.benchmark.measure.timing import Rounds
from echo_rnn.benchmark.measure.whole import measure_memory
from echo_rnn.config import Config
from echo_rnn.config.benchmarks import Benchmark
from echo_rnn.environment import usable_cores
from echo_rnn.files import remove
from echo_rnn.stages.alone import measuring
from echo_rnn.stages.shapes import shapes_of

_AT_ONCE = 2  # processes that get ready side by side; they use one core each for most of that time

Measure = Callable[[Sequence[Task], Report], Iterable[Record]]
"""Makes measurements, of which each record is written before the next one is timed; progress is reported."""


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
    tasks = plan(
        records,
        slots,
        processes=how.processes,
        more_processes=how.more_processes,
        memory=sweep.memory,
        fingerprint=own,
    )

    def measure_tasks(tasks: Sequence[Task], report: Report) -> Iterator[Record]:
        if tasks[0].memory:
            yield measure_memory(tasks[0].shape, tasks[0].slots[0], own)
            return
        with ExitStack() as stack:
            sessions = [stack.enter_context(session(task, report, alone=len(tasks) == 1)) for task in tasks]
            for each in sessions:
                each.get_ready()
            for task, each in zip(tasks, sessions, strict=True):
                yield each.measure(rounds_of(how, task.number), own)

    def session(task: Task, report: Report, *, alone: bool) -> Session:
        # The first process compiles everything, which is what a cold first call is; the others load it.
        first, cache, kinds = task.number == 0, config.runtime.compile_cache, KINDS if how.forward else TRAINING
        contestant = strategies(
            task.shape, task.slots, task.number, kinds=kinds, peak=first, cache=cache, load=not first
        )
        return Session(task.shape, [contestant], alone=alone, report=report)

    with measuring(records.parent):
        at_once = _AT_ONCE if usable_cores() >= _AT_ONCE and fit_together(shapes, labels, _AT_ONCE) else 1
        return measure_missing(sweep.name, tasks, measure_tasks, at_once=at_once, repeat=how.remeasure)


def rounds_of(how: Benchmark, seed: int) -> Rounds:
    """The configured rounds of one measurement."""
    return Rounds(how.rounds, how.minimum_milliseconds / 1000, how.budget_seconds, seed)


def measure_missing(
    name: str, tasks: Sequence[Task], measure_tasks: Measure, *, at_once: int = 1, repeat: bool = False
) -> int:
    """Makes the measurements that are not finished and writes each record; returns their number.

    Args:
        name: Of the sweep.
        tasks: All measurements.
        measure_tasks: Makes some.
        at_once: How many it is given at most. The first one of a shape is made alone: its first calls are reported.
        repeat: Whether to make finished ones again, too.
    """
    planned = [task for task in tasks if not task.extra]
    missing = [task for task in tasks if repeat or not task.is_finished]
    to_do = sum(not task.extra for task in missing)
    print(f"{name}: {len(planned)} processes, {len(planned) - to_do} measured before")
    done = 0
    with tqdm(total=to_do, unit="process", desc=name, disable=None) as bar:

        def show(progress: dict[str, Any]) -> None:
            made = progress.get("slot") or f"round {progress['round']} of {progress['of']}"
            bar.set_postfix_str(f"{made}, {group[0].shape.key}")  # narrow terminals cut the end

        while group := _next(missing, tasks, at_once, repeat=repeat):
            for task, record in zip(group, measure_tasks(group, show), strict=True):
                record.write(task.path)
                done += 1
                bar.total = max(to_do, done)
                bar.update()
    return done


def _next(missing: list[Task], tasks: Sequence[Task], at_once: int, *, repeat: bool) -> list[Task]:
    """Takes those that are made next, side by side, from the missing ones; those not needed are dropped."""
    group: list[Task] = []
    while missing and len(group) < at_once:
        task = missing[0]
        alone = task.memory or not task.number
        if group and (alone or task.number != group[0].number):
            break
        del missing[0]
        if task.extra and _agree(task, tasks):
            if repeat:
                remove(task.path)  # of the measurements that are repeated
            continue
        group.append(task)
        if alone:
            break
    return group


def _agree(extra: Task, tasks: Sequence[Task]) -> bool:
    """Whether the processes before an extra one agree."""
    same = [task for task in tasks if task.shape == extra.shape and not task.memory and task.number < extra.number]
    return agree([read(task.path) for task in same if task.path.exists()])
