"""From raw samples to results: times, ratios, verdicts. Numbers and kinds only; wording is `words`.

No difference below `ONE_PROCESS` is claimed from one process. Nor is any that is not larger than what the A/A control,
the reference against itself, shows, or that comes from fewer than `FEWEST_ROUNDS`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from echo_rnn.benchmark.measure.records import CONTROL, KINDS, REFERENCE, Record, by_shape
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


def _shape_result(shape: Shape, records: list[Record], formula: Formula, seed: int) -> ShapeResult:
    timed = [record for record in records if record.samples]
    slots = list(dict.fromkeys(slot for record in timed for slot in record.prepared))
    wrong = {slot for record in timed for slot, prepared in record.prepared.items() if not prepared.equal}
    right = [slot for slot in slots if slot != REFERENCE and slot not in wrong - {CONTROL}]
    ratios = {kind: paired(timed, right, kind, seed) | {REFERENCE: ONE} for kind in KINDS}
    control = ratios["train"][CONTROL]
    least = margin(control, len(timed))

    def verdict(label: str) -> Verdict:
        if label in wrong or label == REFERENCE:
            return "wrong" if label in wrong else "reference"
        return verdict_of(ratios["train"].get(label), rounds_of(timed, label), least)

    every = [label for label in slots if label != CONTROL]
    return ShapeResult(
        shape=shape,
        reference=REFERENCE,
        contestants=[
            _strategy_result(label, verdict(label), records, [ratios[kind].get(label) for kind in KINDS], formula)
            for label in every
        ],
        processes=len(timed),
        rounds=rounds_of(timed, CONTROL),
        environment=timed[0].environment,
        control=control,
        noise=noise(timed, control),
    )


def _strategy_result(
    label: str, verdict: Verdict, records: list[Record], ratios: Sequence[Interval | None], formula: Formula
) -> ContestantResult:
    shape, timed = records[0].shape, [record for record in records if record.samples]
    prepared = [record.prepared[label] for record in timed if label in record.prepared]

    def middle(name: str) -> float | None:
        return median([getattr(slot, name) for slot in prepared])

    reference_first = median([record.prepared[REFERENCE].first_call_seconds for record in timed])
    references = [step_seconds(timed, REFERENCE, kind) for kind in KINDS]
    step, forward = (
        base / ratio.estimate if base and ratio else None for base, ratio in zip(references, ratios, strict=True)
    )
    gflops = shape.step_flops / step / 1e9 if step else None
    first, peak = middle("first_call_seconds"), median([record.peak_gflops for record in timed])
    return ContestantResult(
        label=label,
        verdict=verdict,
        step_seconds=step,
        speedup=ratios[0],
        first_call_seconds=first,
        forward_seconds=forward,
        forward_speedup=ratios[1] if references[1] else None,
        trace_seconds=middle("trace_seconds"),
        compile_seconds=middle("compile_seconds"),
        graph_nodes=_whole(middle("graph_nodes")),
        graph_bytes=_whole(middle("graph_bytes")),
        time_steps_per_second=shape.window * shape.batch_size / step if step else None,
        gflops=gflops,
        share_of_peak=gflops / peak if gflops and peak else None,
        memory_bytes=_whole(median([record.memory_bytes.get(label) for record in records])),
        formula_bytes=formula(shape, label),
        break_even_steps=break_even((first or 0.0) - (reference_first or 0.0), verdict, step, references[0]),
        largest_error=max((own.largest_error for own in prepared if own.largest_error is not None), default=None),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
