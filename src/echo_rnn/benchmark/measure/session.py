"""One measurement: start all contestants, check each against the reference, then time those that agree.

They wait in their processes and are asked one at a time, in rounds of random order, by one clock for all. One that
fails, differs or cannot be built is recorded with the reason, and the others are measured.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from echo_rnn.benchmark.measure import timing
from echo_rnn.benchmark.measure.contestants import Contestant
from echo_rnn.benchmark.measure.fingerprint import environment_facts
from echo_rnn.benchmark.measure.problem import FILE, Problem
from echo_rnn.benchmark.measure.process import LostError, Process
from echo_rnn.benchmark.measure.records import KINDS, Prepared, Record, relative_error
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.timing import Job, Rounds
from echo_rnn.benchmark.measure.worker import MOST_LOSSES, TRAIN
from echo_rnn.errors import UserError

TOLERANCE = 1e-4
"""Of the first losses. Rounding leaves 1e-6; a forget gate without its gradient shows as 4e-3."""

# Threads of one process that spin while another one is timed give up after some milliseconds.
_REST_SECONDS = 0.02

Report = Callable[[dict[str, Any]], None]


class _Started:
    """What takes part, by slot, once it is started."""

    def __init__(self) -> None:
        self.prepared: dict[str, Prepared] = {}
        self.processes: dict[str, Process] = {}
        self.programs: dict[Job, str] = {}
        self._losses: dict[str, list[float]] = {}

    @property
    def reference(self) -> str:
        """The first slot of the first contestant that has started."""
        return next(iter(self.processes))

    def start(self, contestant: Contestant, folder: Path, stack: ExitStack, report: Report) -> None:
        """Starts a contestant; a single slot runs what is checked, in whole units."""
        name, start = contestant.name, time.perf_counter()
        own = Prepared(contestant.is_ours, contestant.threads)
        try:
            command = contestant.command(folder)
            process = stack.enter_context(Process(command, contestant.threads, contestant.seconds, report))
            if "prepared" in process.ready:
                slots = {slot: Prepared(**facts) for slot, facts in process.ready["prepared"].items()}
                self.prepared |= slots
                self.processes |= dict.fromkeys(slots, process)
                self.programs |= {Job(slot, kind): f"{slot} {kind}" for slot in slots for kind in KINDS}
                return
            self._losses[name] = process.run(-(-MOST_LOSSES // process.unit))
            own = replace(own, version=process.ready["version"], start_seconds=time.perf_counter() - start)
            self.processes[name] = process
            self.programs[Job(name, TRAIN)] = TRAIN
        except LostError as error:
            own = replace(own, trouble=str(error))
        self.prepared[name] = own
        report({"slot": name})

    def check(self) -> None:
        """Compares the losses of single slots with the reference's."""
        for name in self._losses.keys() & self.processes.keys():
            own, other = (np.array(self._losses[slot][:MOST_LOSSES]) for slot in (name, self.reference))
            error = relative_error(own, other)
            self.prepared[name] = self.prepared[name].compared(error, TOLERANCE, "losses")

    def run(self, job: Job, units: int) -> None:
        """A call; once the process is lost, it takes no time."""
        if self.prepared[job.slot].trouble:
            return
        try:
            self.processes[job.slot].run(units, self.programs[job])
        except LostError as error:
            self.prepared[job.slot] = replace(self.prepared[job.slot], trouble=str(error))


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
    started = _Started()
    prepared, processes = started.prepared, started.processes
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if len(contestants) > 1 and hasattr(os, "sched_setaffinity"):
            # So many cores for this process and those that it starts: not all libraries ask how many.
            before = os.sched_getaffinity(0)
            stack.callback(os.sched_setaffinity, 0, before)
            os.sched_setaffinity(0, sorted(before)[: shape.threads])
        if problem is not None:
            problem.write(folder / FILE)
        for contestant in contestants:
            started.start(contestant, folder, stack, report)
        _require_ours(shape, prepared)
        started.check()
        calls = {job: partial(started.run, job) for job in started.programs if prepared[job.slot].equal}

        def rest(done: int) -> None:
            for job in {processes[job.slot]: job for job in calls}.values():
                started.run(job, 0)
            report({"round": done, "of": rounds.most})

        pause = _REST_SECONDS if len(contestants) > 1 else 0.0
        warm, samples = timing.measure(calls, rounds, rest_seconds=pause, on_round=rest)
    for job in calls:
        prepared[job.slot] = replace(prepared[job.slot], warmup_calls=warm[Job(job.slot, TRAIN)].calls)
    _require_ours(shape, prepared)
    return Record(
        shape,
        fingerprint,
        facts,
        (load, psutil.getloadavg()[0]),
        processes[started.reference].ready.get("peak_gflops"),
        prepared,
        [replace(s, steps=s.steps * processes[s.slot].unit) for s in samples if not prepared[s.slot].trouble],
        reference=started.reference,
    )


def _require_ours(shape: Shape, prepared: dict[str, Prepared]) -> None:
    ours = [found for found in prepared.values() if found.is_ours]
    if all(found.trouble for found in ours):
        raise UserError(f"benchmark of {shape.key}: {ours[0].trouble}", "benchmark.process_failed")
