"""Reasons not to trust small differences, seen in the samples of a shape."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import mannwhitneyu

from echo_rnn.benchmark.measure.ratios import Floats, log_ratios, log_times
from echo_rnn.benchmark.measure.records import Record, again
from echo_rnn.benchmark.report.results import Interval, Noise

# The layout of a process is known to move a ratio by a few percent (Mytkowicz et al., ASPLOS 2009).
ONE_PROCESS = 1.05
# The median of fewer values has no 95 % interval: the whole range of five holds it in 1 - 2/2⁵ = 94 % of all cases.
FEWEST_ROUNDS = 6
# What is called noise: the control's interval, the middle half of one strategy's calls, and a change of speed.
WIDE = 1.1
SPREAD = 0.2
CHANGE = 1.1
_SHORTEST = 4
# By chance alone a 95 % interval misses 1 at every twentieth shape. One of twice the width does so at fewer than one in
# a hundred, from three processes on.
_DIFFERS = 2.0


def noise(records: Sequence[Record], control: Interval) -> list[Noise]:
    """All reasons, those of the A/A control first.

    Args:
        records: Of one shape, with samples.
        control: The reference against itself.
    """
    return [*_control(records, control), *_changes(records), *_machine(records)]


def _control(records: Sequence[Record], control: Interval) -> Iterator[Noise]:
    slots = [(record, again(record.reference)) for record in records]
    rounds = sum(len(log_ratios(record, slot, reference=record.reference)) for record, slot in slots)
    center, side = np.log(control.estimate), control.low if control.estimate > 1 else control.high
    if abs(center) > _DIFFERS * abs(center - np.log(side)):
        yield Noise("control differs", control.estimate)
    elif control.high / control.low > WIDE:
        yield Noise("control wide", control.high / control.low)
    if rounds < FEWEST_ROUNDS:
        yield Noise("few rounds", rounds)
    controls = [own for record, slot in slots if (own := record.prepared.get(slot)) and not own.equal]
    errors = [own.largest_error for own in controls if own.largest_error is not None]
    if errors:
        yield Noise("control unequal", max(errors))
    if len(records) == 1:
        yield Noise("one process", ONE_PROCESS)


def _changes(records: Sequence[Record]) -> Iterator[Noise]:
    """The processes in which all slots became slower or faster for good."""
    for number, record in enumerate(records, 1):
        start_N, residual_N = _residuals(record)
        change = _change(residual_N)
        if change is not None:
            at, size = change
            yield Noise("speed changed", float(np.exp(size)), number, float(start_N[at] - start_N[0]))


def _machine(records: Sequence[Record]) -> Iterator[Noise]:
    """Differences between processes, scatter of calls, and load."""
    middles = [
        {slot: float(np.median(list(logs.values()))) for slot in record.prepared if (logs := log_times(record, slot))}
        for record in records
    ]
    slots = set.intersection(*(set(middle) for middle in middles))
    levels = [float(np.mean([middle[slot] for slot in slots])) for middle in middles] if slots else [0.0]
    ratio = float(np.exp(max(levels) - min(levels)))
    if ratio > CHANGE:
        yield Noise("processes differ", ratio)
    residual_N = np.concatenate([_residuals(record)[1] for record in records])
    low, high = np.percentile(residual_N, [25, 75])
    spread = float(np.exp(high - low)) - 1
    if spread > SPREAD:
        yield Noise("calls spread", spread)
    load = max(max(record.load) for record in records)
    cores = float(records[0].environment.get("hardware.cores", records[0].shape.threads))
    if load > cores:
        yield Noise("busy", load)


def _residuals(record: Record) -> tuple[Floats, Floats]:
    """When each call began, and the logarithm of its time over its slot's mean, in the order of time.

    The mean, because half-way between two speeds the median of one slot is the fast one and of another the slow one.
    """
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for sample in record.samples:
        value = float(np.log(sample.seconds / sample.steps))
        groups.setdefault((sample.slot, sample.kind), []).append((sample.start, value))
    means = {key: float(np.mean([value for _, value in group])) for key, group in groups.items()}
    rows = sorted((start, value - means[key]) for key, group in groups.items() for start, value in group)
    start_N, residual_N = np.array(rows).T
    return start_N, residual_N


def _change(residual_N: Floats) -> tuple[int, float] | None:
    """The first call of the stretch that differs from all before, and by how much (logarithm)."""
    count = len(residual_N)
    cuts = np.unique(np.linspace(0.1 * count, 0.9 * count, 61).astype(int))
    cuts = cuts[(cuts >= _SHORTEST) & (cuts <= count - _SHORTEST)]
    if not cuts.size:
        return None

    def distance(cut: int) -> float:
        return sum(float(np.abs(part - np.median(part)).sum()) for part in (residual_N[:cut], residual_N[cut:]))

    cut = min((int(cut) for cut in cuts), key=distance)
    before, after = residual_N[:cut], residual_N[cut:]
    size = float(np.median(after) - np.median(before))
    by_chance = float(mannwhitneyu(before, after).pvalue) * len(cuts)
    return (cut, size) if abs(size) > np.log(CHANGE) and by_chance < 0.001 else None
