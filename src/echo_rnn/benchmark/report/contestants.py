"""From raw samples of ours beside other libraries and C to results: the reference is the fastest of ours."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from echo_rnn.benchmark.measure.records import Prepared, Record, again
from echo_rnn.benchmark.report.intervals import paired, step_seconds
from echo_rnn.benchmark.report.noise import noise
from echo_rnn.benchmark.report.results import ONE, ContestantResult, Interval, ShapeResult, Verdict
from echo_rnn.benchmark.report.statistics import margin, verdict_of


def compare(records: Sequence[Record], seed: int = 0) -> list[ShapeResult]:
    """Derives one result for each shape, and of whole processes for each training at it.

    Our fastest is chosen with the same samples: the ratios favour it a little where ours are nearly equal.

    Args:
        records: Of one fingerprint for each shape.
        seed: Of the bootstrap.
    """
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        groups.setdefault((record.work, record.shape, record.trained), []).append(record)
    return [_shape_result(own, seed) for own in groups.values() if _timed(own, of_ours=True)]


def summary(results: Sequence[ShapeResult]) -> list[dict[str, Any]]:
    """One entry for each shape and contestant, as JSON values; a ratio is a time over that of our best."""
    return [
        {
            "work": "process" if result.trained else "steps",
            "shape": result.shape.key,
            "trained": result.trained,
            "peer": each.label,
            "is_ours": each.is_ours,
            "ours": result.reference,
            "ratio": None if each.speedup is None else asdict(each.speedup.inverse),
            "step_milliseconds": None if each.step_seconds is None else 1e3 * each.step_seconds,
            "threads": each.threads,
            "version": each.version,
            "trouble": each.trouble,
        }
        for result in results
        for each in result.contestants
    ]


def _shape_result(records: list[Record], seed: int) -> ShapeResult:
    last = records[-1]
    prepared = {name: own for record in records for name, own in record.prepared.items()}
    prepared.pop(again(last.reference), None)
    best = _fastest(records, _timed(records, of_ours=True), seed)
    speedups = paired(records, [name for name in _timed(records) if name != best], seed=seed, reference=best)
    speedups[best] = ONE
    twice = again(last.reference)
    control = paired(records, [twice], seed=seed, reference=last.reference).get(twice)
    seconds = step_seconds(records, best) or 0.0
    rounds = sum(len({sample.round for sample in record.samples}) for record in records)
    least = margin(control, len(records))
    contestants = [
        _contestant(name, own, best, speedups.get(name), seconds, rounds, least) for name, own in prepared.items()
    ]
    contestants.sort(key=lambda each: each.step_seconds or np.inf)
    return ShapeResult(
        shape=last.shape,
        reference=best,
        contestants=contestants,
        processes=len(records),
        rounds=rounds,
        environment=last.environment,
        control=control,
        noise=noise(records, control) if control else [],
        trained=last.trained,
    )


def _contestant(
    name: str, own: Prepared, best: str, speedup: Interval | None, seconds: float, rounds: int, least: float
) -> ContestantResult:
    verdict: Verdict = "reference" if name == best else verdict_of(speedup, rounds, least) if speedup else "untimed"
    return ContestantResult(
        label=name,
        verdict=verdict,
        step_seconds=seconds / speedup.estimate if speedup else None,
        speedup=speedup,
        first_call_seconds=own.start_seconds,
        largest_error=own.largest_error,
        is_ours=own.is_ours,
        threads=own.threads,
        version=own.version,
        trouble=own.trouble,
    )


def _timed(records: list[Record], *, of_ours: bool = False) -> list[str]:
    """The contestants with samples, or those of ours."""
    slots = {sample.slot for record in records for sample in record.samples}
    every = [(name, own) for record in records for name, own in record.prepared.items()]
    twice = {again(record.reference) for record in records}
    names = [name for name, own in every if name not in twice and (own.is_ours or not of_ours)]
    return [name for name in dict.fromkeys(names) if name in slots]


def _fastest(records: list[Record], ours: list[str], seed: int) -> str:
    """The one that no other of ours is ahead of; paired ratios of three may disagree, and then it is one of these."""
    best = ours[0]
    for _ in ours:
        speedups = paired(records, [name for name in ours if name != best], seed=seed, reference=best)
        ahead = {name: speedup.estimate for name, speedup in speedups.items() if speedup.estimate > 1}
        if not ahead:
            break
        best = max(ahead, key=lambda name: ahead[name])
    return best
