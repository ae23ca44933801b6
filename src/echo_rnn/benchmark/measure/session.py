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
from typing import Any, Self

import numpy as np
import psutil

from echo_rnn.benchmark.measure import timing
from echo_rnn.benchmark.measure.contestants import Contestant
from echo_rnn.benchmark.measure.fingerprint import environment_facts
from echo_rnn.benchmark.measure.problem import FILE, Problem
from echo_rnn.benchmark.measure.process import LostError, Process
from echo_rnn.benchmark.measure.records import Prepared, Record, relative_error
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.timing import Job, Rounds
from echo_rnn.benchmark.measure.worker import MOST_LOSSES, TRAIN
from echo_rnn.errors import UserError

TOLERANCE = 1e-4
"""Of the first losses. Rounding leaves 1e-6; a forget gate without its gradient shows as 4e-3."""

# Threads of one process that spin while another one is timed give up after some milliseconds.
_REST_SECONDS = 0.02

Report = Callable[[dict[str, Any]], None]


class Session:
    """One start of all contestants; a context that ends them.

    Several sessions may get ready side by side, and are then measured one after the other.
    """

    def __init__(
        self,
        shape: Shape,
        contestants: Sequence[Contestant],
        *,
        problem: Problem | None = None,
        alone: bool = True,
        report: Report = lambda progress: None,
    ) -> None:
        """Nothing is started before the context is entered.

        Args:
            shape: What they train.
            contestants: Ours first; the first slot of the first one that starts is the reference.
            problem: What contestants train whose processes hold a single slot.
            alone: Whether no other session gets ready meanwhile.
            report: Called with `slot` for each one that is prepared or lost, and with `round` after each round.
        """
        self._shape, self._contestants, self._problem = shape, contestants, problem
        self._alone, self._report = alone, report
        self._prepared: dict[str, Prepared] = {}
        self._processes: dict[str, Process] = {}
        self._programs: dict[Job, str] = {}
        self._losses: dict[str, list[float]] = {}
        self._stack = ExitStack()
        self._first: Process | LostError | None = None

    def __enter__(self) -> Self:
        """Starts a contestant that is the only one, and does not wait for it."""
        self._load, self._facts = psutil.getloadavg()[0], environment_facts()
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if len(self._contestants) > 1 and hasattr(os, "sched_setaffinity"):
                # So many cores for this process and those that it starts: not all libraries ask how many.
                before = os.sched_getaffinity(0)
                stack.callback(os.sched_setaffinity, 0, before)
                os.sched_setaffinity(0, sorted(before)[: self._shape.threads])
            if self._problem is not None:
                self._problem.write(self._folder / FILE)
            if len(self._contestants) == 1:
                try:
                    self._first = self._started(self._contestants[0], stack)
                except LostError as error:
                    self._first = error
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    def get_ready(self) -> None:
        """Waits for all contestants, one after the other, and checks each against the reference.

        Raises:
            UserError: None of ours got ready.
        """
        for contestant in self._contestants:
            self._get_ready(contestant)
        _require_ours(self._shape, self._prepared)
        for name in self._losses.keys() & self._processes.keys():
            own, other = (np.array(self._losses[slot][:MOST_LOSSES]) for slot in (name, self._reference))
            error = relative_error(own, other)
            self._prepared[name] = self._prepared[name].compared(error, TOLERANCE, "losses")

    def measure(self, rounds: Rounds, fingerprint: str) -> Record:
        """Times those that agree, and ends them.

        Args:
            rounds: How often and how long.
            fingerprint: The record's.

        Raises:
            UserError: None of ours was timed to the end, so that there is nothing to compare with.
        """
        prepared, processes = self._prepared, self._processes
        calls = {job: partial(self._run, job) for job in self._programs if prepared[job.slot].equal}

        def rest(done: int) -> None:
            for job in {processes[job.slot]: job for job in calls}.values():
                self._run(job, 0)
            self._report({"round": done, "of": rounds.most})

        pause = _REST_SECONDS if len(self._contestants) > 1 else 0.0
        warm, samples = timing.measure(calls, rounds, rest_seconds=pause, on_round=rest)
        self._stack.close()
        for job in calls:
            prepared[job.slot] = replace(prepared[job.slot], warmup_calls=warm[Job(job.slot, TRAIN)].calls)
        _require_ours(self._shape, prepared)
        return Record(
            self._shape,
            fingerprint,
            self._facts,
            (self._load, psutil.getloadavg()[0]),
            processes[self._reference].ready.get("peak_gflops"),
            prepared,
            [replace(s, steps=s.steps * processes[s.slot].unit) for s in samples if not prepared[s.slot].trouble],
            reference=self._reference,
        )

    @property
    def _reference(self) -> str:
        """The first slot of the first contestant that has started."""
        return next(iter(self._processes))

    def _started(self, contestant: Contestant, stack: ExitStack) -> Process:
        process = Process(contestant.command(self._folder), contestant.threads, contestant.seconds, self._report)
        stack.push(process)
        return process

    def _get_ready(self, contestant: Contestant) -> None:
        """Starts it where it is not; a single slot runs what is checked, in whole units."""
        name, start = contestant.name, time.perf_counter()
        own = Prepared(contestant.is_ours, contestant.threads)
        try:
            process = self._first or self._started(contestant, self._stack)
            if isinstance(process, LostError):
                raise process
            ready = process.get_ready().ready
            if "prepared" in ready:
                slots = {slot: replace(Prepared(**own), alone=self._alone) for slot, own in ready["prepared"].items()}
                self._prepared |= slots
                self._processes |= dict.fromkeys(slots, process)
                self._programs |= {Job(slot, kind): f"{slot} {kind}" for slot in slots for kind in ready["kinds"]}
                return
            self._losses[name] = process.run(-(-MOST_LOSSES // process.unit))
            own = replace(own, version=ready["version"], start_seconds=time.perf_counter() - start)
            self._processes[name] = process
            self._programs[Job(name, TRAIN)] = TRAIN
        except LostError as error:
            own = replace(own, trouble=str(error))
        self._prepared[name] = own
        self._report({"slot": name})

    def _run(self, job: Job, units: int) -> None:
        """A call; once the process is lost, it takes no time."""
        if self._prepared[job.slot].trouble:
            return
        try:
            self._processes[job.slot].run(units, self._programs[job])
        except LostError as error:
            self._prepared[job.slot] = replace(self._prepared[job.slot], trouble=str(error))


def measure(
    shape: Shape,
    contestants: Sequence[Contestant],
    rounds: Rounds,
    fingerprint: str,
    *,
    problem: Problem | None = None,
    report: Report = lambda progress: None,
) -> Record:
    """Measures one start of all contestants; see `Session`.

    Raises:
        UserError: None of ours was timed to the end, so that there is nothing to compare with.
    """
    with Session(shape, contestants, problem=problem, report=report) as session:
        session.get_ready()
        return session.measure(rounds, fingerprint)


def _require_ours(shape: Shape, prepared: dict[str, Prepared]) -> None:
    ours = [found for found in prepared.values() if found.is_ours]
    if all(found.trouble for found in ours):
        raise UserError(f"benchmark of {shape.key}: {ours[0].trouble}", "benchmark.process_failed")
