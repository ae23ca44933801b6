"""How time is measured: rounds in which every slot is called once, in an order drawn anew for each.

What disturbs the machine for longer than a round disturbs all slots, and ratios within a round cancel it. A call runs
as many steps as fill a minimum time, so that the clock and the call itself do not count. Nothing here uses TensorFlow.
"""

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from echo_rnn.benchmark.measure.records import Sample

_LEAST_ROUNDS = 3
_MOST_WARMUP_CALLS = 30
_WARMUP_SECONDS = 2.0
_PATIENCE = 3
_FALLS = 0.98
_MOST_STEPS = 2**20

Run = Callable[[int], object]
"""Runs so many steps and returns when they are over."""


class Job(NamedTuple):
    """What is called: a slot (a strategy's label, or `CONTROL`), and `train` or `forward`."""

    slot: str
    kind: str


class Warm(NamedTuple):
    """Calls until their time no longer fell, and steps that fill the minimum time."""

    calls: int
    steps: int


@dataclass(frozen=True)
class Rounds:
    """How many rounds, and of what.

    Attributes:
        most: Rounds at most.
        minimum_seconds: How long a timed call should last at least; with 0 each is a single step and none is made to
            warm up.
        budget_seconds: Of warming up and of the rounds: no round begins that would likely end later, but three are
            measured in any case; `None` for all rounds.
        seed: Decides the order within rounds.
    """

    most: int
    minimum_seconds: float = 0.02
    budget_seconds: float | None = None
    seed: int = 0


def measure(
    runs: Mapping[Job, Run],
    rounds: Rounds,
    *,
    rest_seconds: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
    on_round: Callable[[int], object] = lambda done: None,
) -> tuple[dict[Job, Warm], list[Sample]]:
    """Warms every job up, then measures rounds of all of them.

    Args:
        runs: What to call.
        rounds: How often.
        rest_seconds: Before each call; for jobs in processes of their own, of which threads may spin for a while.
        clock: Seconds from any beginning.
        on_round: Called with the number of rounds that are done; not timed.

    Returns:
        The results of warming up, and a sample for every timed call in the order of measuring; `start` counts from the
        beginning of this call.
    """
    origin = clock()
    generator = np.random.default_rng(rounds.seed)
    jobs = list(runs)
    samples: list[Sample] = []
    # No garbage is collected while calls are timed, and what is there by now is left out of collections between.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        minimum = rounds.minimum_seconds
        warm = {job: warm_up(runs[job], minimum, clock) if minimum else Warm(0, 1) for job in jobs}
        longest = 0.0
        for number in range(rounds.most):
            begin = clock()
            late = rounds.budget_seconds is not None and begin + longest > origin + rounds.budget_seconds
            if late and number >= _LEAST_ROUNDS:
                break
            for order, index in enumerate(generator.permutation(len(jobs))):
                job = jobs[index]
                steps = warm[job].steps
                time.sleep(rest_seconds)
                start = clock()
                runs[job](steps)
                samples.append(Sample(number, order, job.slot, job.kind, steps, clock() - start, start - origin))
            longest = max(longest, clock() - begin)
            on_round(number + 1)
            gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()
    return warm, samples


def warm_up(run: Run, minimum_seconds: float, clock: Callable[[], float]) -> Warm:
    """Calls `run` until it fills the minimum time and its time per step no longer falls."""
    steps, calls, best, idle = 1, 0, math.inf, 0
    begin = clock()
    while True:
        start = clock()
        run(steps)
        seconds = clock() - start
        calls += 1
        filled = seconds >= minimum_seconds or steps == _MOST_STEPS
        idle = 0 if seconds / steps < _FALLS * best else idle + 1
        best = min(best, seconds / steps)
        spent = clock() - begin > max(_WARMUP_SECONDS, 20 * minimum_seconds)
        if filled and (idle >= _PATIENCE or calls >= _MOST_WARMUP_CALLS or spent):
            return Warm(calls, max(1, min(_MOST_STEPS, math.ceil(minimum_seconds / best)) if best else steps))
        if not filled:
            # More steps are found with care: the first calls are the slowest.
            wanted = 1.2 * steps * minimum_seconds / seconds if seconds > 0 else math.inf
            steps, idle = min(_MOST_STEPS, math.ceil(min(max(wanted, steps + 1), 10 * steps))), 0
