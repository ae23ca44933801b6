"""One measurement: start all contestants, check each against the reference, then time those that agree.

They wait in their processes and are asked one at a time, in rounds of random order, by one clock for all. One that
fails, differs or cannot be built is recorded with the reason, and the others are measured.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from echo_rnn.benchmark.measure import timing
from echo_rnn.benchmark.measure.contestants import Contestant
from echo_rnn.benchmark.measure.fingerprint import environment_facts
from echo_rnn.benchmark.measure.problem import FILE, Problem
from echo_rnn.benchmark.measure.process import LostError, Process
from echo_rnn.benchmark.measure.records import KINDS, NOT_A_NUMBER, Prepared, Record
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.timing import Job, Rounds
from echo_rnn.benchmark.measure.worker import MOST_LOSSES, TRAIN
from echo_rnn.errors import UserError

TOLERANCE = 1e-4
"""Of the first losses. Rounding leaves 1e-6; a forget gate without its gradient shows as 4e-3."""

# Threads of one process that spin while another one is timed give up after some milliseconds.
_REST_SECONDS = 0.02

Report = Callable[[dict[str, Any]], None]


class _Slot:
    """A slot while it is measured."""

    def __init__(self, process: Process, prepared: Prepared, programs: dict[str, str], losses: list[float]) -> None:
        self.process = process
        self.prepared = prepared
        self.programs = programs
        self.losses = losses

    def run(self, program: str, units: int) -> None:
        """A call; once the process is lost, it takes no time."""
        if self.prepared.trouble:
            return
        try:
            self.process.run(units, program)
        except LostError as error:
            self.prepared = replace(self.prepared, trouble=str(error))


def measure(
    shape: Shape,
    contestants: Sequence[Contestant],
    rounds: Rounds,
    fingerprint: str,
    *,
    problem: Problem | None = None,
    report: Report = lambda progress: None,
) -> Record:
    """Measures one start of all contestants.

    Args:
        shape: What they train.
        contestants: Ours first; the first slot of the first one that starts is the reference.
        rounds: How often and how long.
        fingerprint: The record's.
        problem: What contestants train whose processes hold a single slot.
        report: Called with `slot` for each one that is prepared or lost, and with `round` after each round.

    Raises:
        UserError: None of ours was timed to the end, so that there is nothing to compare with.
    """
    load, facts = psutil.getloadavg()[0], environment_facts()
    slots: dict[str, _Slot] = {}
    lost: dict[str, Prepared] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if len(contestants) > 1:
            stack.enter_context(_cores(shape.threads))
        if problem is not None:
            problem.write(folder / FILE)
        processes = []
        for contestant in contestants:
            try:
                process, own = _begin(contestant, folder, stack, report)
                processes.append(process)
                slots |= own
            except LostError as error:
                lost[contestant.name] = Prepared(contestant.is_ours, contestant.threads, trouble=str(error))
                report({"slot": contestant.name})
        _require_ours(shape, {name: slot.prepared for name, slot in slots.items()} | lost)
        reference = next(iter(slots))
        for slot in slots.values():
            if slot.prepared.largest_error is None:
                slot.prepared = _checked(slot, slots[reference].losses)
        timed = {name: slot for name, slot in slots.items() if slot.prepared.equal}
        calls = {
            Job(name, kind): lambda units, slot=slot, program=program: slot.run(program, units)
            for name, slot in timed.items()
            for kind, program in slot.programs.items()
        }

        def rest(done: int) -> None:
            for slot in {id(slot.process): slot for slot in timed.values()}.values():
                slot.run(next(iter(slot.programs.values())), 0)
            report({"round": done, "of": rounds.most})

        pause = _REST_SECONDS if len(processes) > 1 else 0.0
        warm, samples = timing.measure(calls, rounds, rest_seconds=pause, on_round=rest)
    for name in timed:
        slots[name].prepared = replace(slots[name].prepared, warmup_calls=warm[Job(name, TRAIN)].calls)
    prepared = {name: slot.prepared for name, slot in slots.items()} | lost
    _require_ours(shape, prepared)
    return Record(
        shape,
        fingerprint,
        facts,
        (load, psutil.getloadavg()[0]),
        next((peak for process in processes if (peak := process.ready.get("peak_gflops"))), None),
        prepared,
        [replace(s, steps=s.steps * slots[s.slot].process.unit) for s in samples if not prepared[s.slot].trouble],
        reference=reference,
    )


def measure_memory(shape: Shape, contestant: Contestant, fingerprint: str) -> Record:
    """Measures the peak memory of the only strategy of a contestant, in a process of its own.

    Raises:
        UserError: The process failed.
    """
    load, facts = psutil.getloadavg()[0], environment_facts()
    try:
        with tempfile.TemporaryDirectory() as folder:
            command = contestant.command(Path(folder))
            with Process(command, contestant.threads, contestant.seconds) as process:
                memory = {contestant.name: int(process.ready["memory_bytes"])}
    except LostError as error:
        raise _failed(shape, str(error)) from None
    return Record(shape, fingerprint, facts, (load, psutil.getloadavg()[0]), None, {}, [], memory)


def _begin(contestant: Contestant, folder: Path, stack: ExitStack, report: Report) -> tuple[Process, dict[str, _Slot]]:
    """Starts a contestant; a single slot runs what is checked, in whole units."""
    start = time.perf_counter()
    command = contestant.command(folder)
    process = stack.enter_context(Process(command, contestant.threads, contestant.seconds, report))
    held = process.ready.get("prepared")
    if held is not None:
        programs = {slot: {kind: f"{slot} {kind}" for kind in KINDS} for slot in held}
        return process, {slot: _Slot(process, Prepared(**held[slot]), programs[slot], []) for slot in held}
    losses = process.run(-(-MOST_LOSSES // process.unit))
    seconds = time.perf_counter() - start
    prepared = Prepared(contestant.is_ours, contestant.threads, process.version, start_seconds=seconds)
    report({"slot": contestant.name})
    return process, {contestant.name: _Slot(process, prepared, {TRAIN: TRAIN}, losses)}


def _checked(slot: _Slot, expected: list[float]) -> Prepared:
    error = _largest_error(slot.losses, expected)
    if error == NOT_A_NUMBER:
        trouble = "its losses are missing or no numbers"
    else:
        trouble = "" if error <= TOLERANCE else f"its losses differ from the reference's by {error:.1g} of themselves"
    return replace(slot.prepared, largest_error=error, equal=not trouble, trouble=trouble)


def _largest_error(losses: list[float], expected: list[float]) -> float:
    """The largest relative difference; `NOT_A_NUMBER` where there are fewer losses, or where they are no numbers."""
    count = min(MOST_LOSSES, len(expected))
    if len(losses) < count:
        return NOT_A_NUMBER
    own, other = np.array(losses[:count]), np.array(expected[:count])
    error = float(np.max(np.abs(own - other) / np.abs(other)))
    return error if np.isfinite(error) else NOT_A_NUMBER


def _require_ours(shape: Shape, prepared: dict[str, Prepared]) -> None:
    ours = [found for found in prepared.values() if found.is_ours]
    if all(found.trouble for found in ours):
        raise _failed(shape, ours[0].trouble)


def _failed(shape: Shape, reason: str) -> UserError:
    return UserError(f"benchmark of {shape.key}: {reason}", "benchmark.process_failed")


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """So many cores for this process and those that it starts, where the system can: not all libraries ask how many."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
