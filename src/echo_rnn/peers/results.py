"""What the samples say: how many times longer each contestant takes than the best of ours."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from echo_rnn.benchmark.measure.records import Record, Work, again
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.results import Interval
from echo_rnn.benchmark.report.statistics import intervals

_KIND = "train"


@dataclass(frozen=True)
class Entry:
    """A contestant of a record by name; see `echo_rnn.benchmark.measure.records.Prepared`."""

    name: str
    is_ours: bool
    threads: int
    version: str
    first_seconds: float | None
    trouble: str


@dataclass(frozen=True)
class Standing:
    """One contestant at one shape.

    Attributes:
        entry: What it is; its trouble, where it had any in the last start.
        step_seconds: Of a training step: the median of our best times `ratio`; `None` where it was not timed.
        ratio: Its time over that of our best, paired within rounds, with a 95 % interval; `None` likewise.
    """

    entry: Entry
    step_seconds: float | None
    ratio: Interval | None


@dataclass(frozen=True)
class Comparison:
    """One shape; of whole processes, one training at it.

    Attributes:
        work: What was timed.
        shape: The shape.
        trained: What whole processes trained, as in their records.
        best: Our fastest strategy.
        standings: The fastest first, then those that were not timed.
        starts: How often all contestants were started.
        rounds: In all.
        environment: Facts of the machine and the libraries.
    """

    work: Work
    shape: Shape
    trained: str
    best: str
    standings: list[Standing]
    starts: int
    rounds: int
    environment: dict[str, str]


def compare(records: Sequence[Record], seed: int = 0) -> list[Comparison]:
    """Derives everything from the raw samples.

    Our fastest is picked with the same samples; the ratios are a little kind to it where ours are nearly equal.

    Args:
        records: Of one fingerprint for each shape.
        seed: Of the bootstrap.
    """
    groups: dict[tuple[Work, Shape, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.work, record.shape, record.trained), []).append(record)
    return [_comparison(own, seed) for own in groups.values() if _timed(own, of_ours=True)]


def summary(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """One entry for each shape and contestant, as JSON values."""
    return [_entry(comparison, standing) for comparison in comparisons for standing in comparison.standings]


def _comparison(records: list[Record], seed: int) -> Comparison:
    entries = {entry.name: entry for record in records for entry in _entries(record)}
    best = _fastest(records, _timed(records, of_ours=True), seed)
    ratios = {best: Interval(1.0, 1.0, 1.0)}
    others = [name for name in _timed(records) if name != best]
    for name, speedup in intervals(records, others, _KIND, seed, best).items():
        ratios[name] = Interval(1 / speedup.estimate, 1 / speedup.high, 1 / speedup.low)
    seconds = _step_seconds(records, best)
    standings = [
        Standing(entry, seconds * ratios[name].estimate if name in ratios else None, ratios.get(name))
        for name, entry in entries.items()
    ]
    standings.sort(key=lambda standing: standing.step_seconds or np.inf)
    rounds = sum(len({sample.round for sample in record.samples}) for record in records)
    last = records[-1]
    return Comparison(last.work, last.shape, last.trained, best, standings, len(records), rounds, last.environment)


def _entries(record: Record) -> list[Entry]:
    return [
        Entry(name, own.is_ours, own.threads, own.version, own.start_seconds, own.trouble)
        for name, own in record.prepared.items()
        if name != again(record.reference)
    ]


def _timed(records: list[Record], *, of_ours: bool = False) -> list[str]:
    """The contestants with samples, or those of ours."""
    slots = {sample.slot for record in records for sample in record.samples}
    names = (entry.name for record in records for entry in _entries(record) if entry.is_ours or not of_ours)
    return [name for name in dict.fromkeys(names) if name in slots]


def _fastest(records: list[Record], ours: list[str], seed: int) -> str:
    """The one that no other of ours is ahead of; paired ratios of three may disagree, and then it is one of these."""
    best = ours[0]
    for _ in ours:
        speedups = intervals(records, [name for name in ours if name != best], _KIND, seed, best)
        ahead = {name: speedup.estimate for name, speedup in speedups.items() if speedup.estimate > 1}
        if not ahead:
            break
        best = max(ahead, key=lambda name: ahead[name])
    return best


def _step_seconds(records: list[Record], name: str) -> float:
    samples = (sample for record in records for sample in record.samples if sample.slot == name)
    return float(np.median([sample.seconds / sample.steps for sample in samples]))


def _entry(comparison: Comparison, standing: Standing) -> dict[str, Any]:
    ratio, entry = standing.ratio, standing.entry
    return {
        "work": comparison.work,
        "shape": comparison.shape.key,
        "trained": comparison.trained,
        "peer": entry.name,
        "is_ours": entry.is_ours,
        "ours": comparison.best,
        "ratio": None if ratio is None else asdict(ratio),
        "step_milliseconds": None if standing.step_seconds is None else 1e3 * standing.step_seconds,
        "threads": entry.threads,
        "version": entry.version,
        "trouble": entry.trouble,
    }
