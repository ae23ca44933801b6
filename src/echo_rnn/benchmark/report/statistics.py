"""From raw samples to results: times, ratios, verdicts. Numbers and kinds only; wording is `words`.

No difference below `ONE_PROCESS` is claimed from one process. Nor is any that is not larger than what the A/A control,
the reference against itself, shows, or that comes from fewer than `FEWEST_ROUNDS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from echo_rnn.benchmark.measure.records import CONTROL, REFERENCE, Record, by_shape
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.intervals import log_ratios, paired, step_seconds
from echo_rnn.benchmark.report.noise import FEWEST_ROUNDS, ONE_PROCESS, noise
from echo_rnn.benchmark.report.results import ONE, ContestantResult, Interval, ShapeResult, Verdict
from echo_rnn.errors import UserError

Formula = Callable[[Shape, str], int]
"""Stored activations of a shape under a strategy."""


def results(records: Sequence[Record], stored_bytes: Formula, seed: int = 0) -> list[ShapeResult]:
    """Derives everything from the raw samples of all processes.

    A shape without two whole rounds of the reference and its control is left out: they show nothing.

    Args:
        records: Of one machine and one version of the code.
        stored_bytes: Stored activations of a shape under a strategy, by formula.
        seed: Of the bootstrap.

    Raises:
        UserError: The records of a shape carry several fingerprints.
    """
    found = []
    for shape, own in by_shape(records).items():
        fingerprints = sorted({record.fingerprint for record in own})
        if len(fingerprints) > 1:
            raise UserError(
                f"{shape.key}: expected records of one machine and one version of the code, got the fingerprints "
                f"{', '.join(fingerprints)}; report one of them at a time",
                "benchmark.mixed_records",
            )
        if rounds_of(own, CONTROL) > 1:
            found.append(_shape_result(shape, own, stored_bytes, seed))
    return found


def rounds_of(records: Sequence[Record], slot: str) -> int:
    """In how many rounds a slot was timed beside the reference."""
    return sum(len(log_ratios(record, slot)) for record in records)


def margin(control: Interval | None, processes: int) -> float:
    """What a ratio has to exceed before it is called a difference."""
    shown = max(control.high, 1 / control.low) if control else 1.0
    return max(shown, ONE_PROCESS if processes == 1 else 1.0)


def verdict_of(speedup: Interval | None, rounds: int, margin: float) -> Verdict:
    """What a ratio shows."""
    if speedup is None or rounds < FEWEST_ROUNDS:
        return "undecided"
    if speedup.low > margin:
        return "faster"
    return "slower" if speedup.high < 1 / margin else "undecided"


def median(values: Sequence[float | None]) -> float | None:
    """Of the known values."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def break_even(extra: float, verdict: Verdict, step: float | None, reference: float | None) -> float | None:
    """Steps after which `extra` seconds of a first call have paid off: see `ContestantResult`."""
    if step is None or reference is None:
        return None
    if extra <= 0:
        return 0.0
    return 1 + extra / (reference - step) if verdict == "faster" else None


@dataclass(frozen=True)
class _Evidence:
    """What is derived for one shape before any single strategy."""

    shape: Shape
    records: list[Record]
    timed: list[Record]
    train: dict[str, Interval]
    forward: dict[str, Interval]
    wrong: set[str]
    formula: Formula

    def verdict(self, label: str) -> Verdict:
        """How a strategy compares with the reference."""
        if label in self.wrong:
            return "wrong"
        if label == REFERENCE:
            return "reference"
        least = margin(self.train[CONTROL], len(self.timed))
        return verdict_of(self.train.get(label), rounds_of(self.timed, label), least)


def _shape_result(shape: Shape, records: list[Record], formula: Formula, seed: int) -> ShapeResult:
    timed = [record for record in records if record.samples]
    slots = list(dict.fromkeys(slot for record in timed for slot in record.prepared))
    wrong = {slot for record in timed for slot, prepared in record.prepared.items() if not prepared.equal}
    right = [slot for slot in slots if slot != REFERENCE and slot not in wrong - {CONTROL}]
    train, forward = (paired(timed, right, kind, seed) for kind in ("train", "forward"))
    train[REFERENCE] = forward[REFERENCE] = ONE
    evidence = _Evidence(shape, records, timed, train, forward, wrong, formula)
    return ShapeResult(
        shape=shape,
        reference=REFERENCE,
        contestants=[_strategy_result(evidence, slot) for slot in slots if slot != CONTROL],
        processes=len(timed),
        rounds=rounds_of(timed, CONTROL),
        environment=timed[0].environment,
        control=train[CONTROL],
        noise=noise(timed, train[CONTROL]),
    )


def _strategy_result(evidence: _Evidence, label: str) -> ContestantResult:
    shape, timed, verdict = evidence.shape, evidence.timed, evidence.verdict(label)
    prepared = [record.prepared[label] for record in timed if label in record.prepared]
    first = median([slot.first_call_seconds for slot in prepared])
    reference_first = median([record.prepared[REFERENCE].first_call_seconds for record in timed])
    speedup, forward_speedup = evidence.train.get(label), evidence.forward.get(label)
    reference_step, reference_forward = (step_seconds(timed, REFERENCE, kind) for kind in ("train", "forward"))
    step = reference_step / speedup.estimate if speedup and reference_step else None
    gflops = shape.step_flops / step / 1e9 if step else None
    peak = median([record.peak_gflops for record in timed])
    nodes, size = (median([getattr(slot, name) for slot in prepared]) for name in ("graph_nodes", "graph_bytes"))
    memory = median([record.memory_bytes.get(label) for record in evidence.records])
    return ContestantResult(
        label=label,
        verdict=verdict,
        step_seconds=step,
        speedup=speedup,
        first_call_seconds=first,
        forward_seconds=reference_forward / forward_speedup.estimate if forward_speedup and reference_forward else None,
        forward_speedup=forward_speedup if reference_forward else None,
        trace_seconds=median([slot.trace_seconds for slot in prepared]),
        compile_seconds=median([slot.compile_seconds for slot in prepared]),
        graph_nodes=None if nodes is None else int(nodes),
        graph_bytes=None if size is None else int(size),
        time_steps_per_second=shape.window * shape.batch_size / step if step else None,
        gflops=gflops,
        share_of_peak=gflops / peak if gflops and peak else None,
        memory_bytes=None if memory is None else int(memory),
        formula_bytes=evidence.formula(shape, label),
        break_even_steps=break_even((first or 0.0) - (reference_first or 0.0), verdict, step, reference_step),
        largest_error=max([slot.largest_error for slot in prepared if slot.largest_error is not None], default=None),
    )
