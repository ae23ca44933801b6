"""One start of all contestants of a shape: check each against our first strategy, then time those that agree.

They wait in processes of their own and are asked one at a time, in rounds of random order, by one clock for all. Who
dies, differs or cannot be built is told with the reason, and the others go on.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from echo_rnn.benchmark.measure import timing
from echo_rnn.benchmark.measure.fingerprint import environment_facts
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.timing import Job, Rounds
from echo_rnn.errors import UserError
from echo_rnn.peers.contestants import Contestant
from echo_rnn.peers.draw import draw
from echo_rnn.peers.process import LostError, Process
from echo_rnn.peers.records import Entry, PeersRecord
from echo_rnn.peers.worker import TOLD

TOLERANCE = 1e-4
"""Of the first losses. Rounding leaves 1e-6; a forget gate without its gradient shows as 4e-3."""

_KIND = "train"
# Spinning threads give up after some milliseconds.
_REST_SECONDS = 0.02


@dataclass(frozen=True)
class How:
    """How a session measures.

    Attributes:
        rounds: At most.
        minimum_seconds: What a timed call should last at least.
        budget_seconds: Of warming up and of the rounds; at least three are measured.
        seed: Decides data, weights and the order within rounds.
    """

    rounds: int
    minimum_seconds: float
    budget_seconds: float
    seed: np.random.SeedSequence


class _Turn:
    """A contestant while it is measured."""

    def __init__(self, process: Process, entry: Entry, losses: list[float]) -> None:
        self.process = process
        self.entry = entry
        self.losses = losses

    def run(self, units: int) -> None:
        """Its turn; once lost, it takes no time."""
        if self.entry.trouble:
            return
        try:
            self.process.run(units)
        except LostError as error:
            self.entry = replace(self.entry, trouble=str(error))


def measure(
    shape: Shape,
    contestants: Sequence[Contestant],
    how: How,
    mark: str,
    report: Callable[[str], None] = lambda done: None,
) -> PeersRecord:
    """Measures one start of all contestants.

    Args:
        shape: What they train.
        contestants: Ours first.
        how: How often and how long.
        mark: The record's fingerprint.
        report: Told the name of each contestant that has started or failed, and `round` after each round.

    Raises:
        UserError: None of ours could be started, so that there is nothing to compare with.
    """
    load, facts = psutil.getloadavg()[0], environment_facts()
    problem_seed, order_seed = how.seed.spawn(2)
    with ExitStack() as stack:
        stack.enter_context(_cores(shape.threads))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "problem"
        draw(shape, problem_seed).write(file)
        turns: list[_Turn] = []
        failed: list[Entry] = []
        for contestant in contestants:
            try:
                turns.append(_begin(contestant, file, stack))
            except LostError as error:
                failed.append(replace(_entry(contestant), trouble=str(error)))
            report(contestant.name)
        if not turns or not turns[0].entry.is_ours:
            raise UserError(f"peers at {shape.key}: expected one of our strategies to run, got {failed[0].trouble}")
        for turn in turns:
            turn.entry = _checked(turn, turns[0].losses)
        jobs = {Job(turn.entry.name, _KIND): turn.run for turn in turns if not turn.entry.trouble}
        rounds = Rounds(
            how.rounds,
            how.minimum_seconds,
            time.perf_counter() + how.budget_seconds,
            int(order_seed.generate_state(1)[0]),
            _REST_SECONDS,
        )
        _, samples = timing.measure(jobs, rounds, on_round=lambda done: report("round"))
    units = {turn.entry.name: turn.process.unit for turn in turns}
    lost = {turn.entry.name for turn in turns if turn.entry.trouble}
    return PeersRecord(
        "steps",
        shape,
        mark,
        facts,
        (load, psutil.getloadavg()[0]),
        [*(turn.entry for turn in turns), *failed],
        [replace(s, steps=s.steps * units[s.slot]) for s in samples if s.slot not in lost],
    )


def _begin(contestant: Contestant, file: Path, stack: ExitStack) -> _Turn:
    """Starts a contestant and has it run what is checked, whole units of it."""
    start = time.perf_counter()
    command = contestant.command(file.parent)
    process = stack.enter_context(Process([*command, str(file)], contestant.threads))
    losses = process.run(-(-TOLD // process.unit))
    seconds = time.perf_counter() - start
    return _Turn(process, replace(_entry(contestant), version=process.version, first_seconds=seconds), losses)


def _entry(contestant: Contestant) -> Entry:
    return Entry(contestant.name, contestant.is_ours, contestant.threads)


def _checked(turn: _Turn, expected: list[float]) -> Entry:
    error = _largest_error(turn.losses, expected)
    told = (
        f"its losses differ from ours by {error:.1g} of themselves"
        if np.isfinite(error)
        else "its losses are no numbers"
    )
    return replace(
        turn.entry,
        largest_error=error if np.isfinite(error) else None,
        trouble="" if error <= TOLERANCE else told,
    )


def _largest_error(losses: list[float], expected: list[float]) -> float:
    """The largest relative difference; infinite where there are fewer losses, or where they are no numbers."""
    count = min(TOLD, len(expected))
    if len(losses) < count:
        return float("inf")
    own, other = np.array(losses[:count]), np.array(expected[:count])
    error = float(np.max(np.abs(own - other) / np.abs(other)))
    return error if np.isfinite(error) else float("inf")


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
