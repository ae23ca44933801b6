"""Ratios of times within the rounds of one process, and whether processes agree on them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echo_rnn.benchmark.measure.records import REFERENCE, Record, again

Floats = NDArray[np.float64]

_AGREE = 1.25  # upper over lower bound of a ratio


def log_ratios(record: Record, slot: str, kind: str = "train", reference: str = REFERENCE) -> Floats:
    """log(reference / slot) of every round that has both."""
    base, own = (log_times(record, name, kind) for name in (reference, slot))
    return np.array([base[r] - own[r] for r in sorted(base.keys() & own.keys())])


def log_times(record: Record, slot: str, kind: str = "train") -> dict[int, float]:
    """The logarithm of seconds per step of each round."""
    found: dict[int, list[float]] = {}
    for sample in record.samples:
        if sample.slot == slot and sample.kind == kind:
            found.setdefault(sample.round, []).append(math.log(sample.seconds / sample.steps))
    return {number: sum(logs) / len(logs) for number, logs in found.items()}


def agree(records: Sequence[Record]) -> bool:
    """Whether the processes of a shape show the same ratios, so that another one would tell little more.

    Two standard errors below and above, the bounds of a ratio differ by less than `_AGREE`: of the A/A control, with
    which every verdict is compared, and of all slots on the average. This looks at how far processes differ and never
    at how large a ratio is: to go on until a difference is shown would show ones that are none.
    """
    if len(records) < 2:
        return False
    medians_P = {}
    for slot in records[0].prepared:
        logs = [log_ratios(record, slot, reference=record.reference) for record in records]
        if slot != records[0].reference and all(log_R.size for log_R in logs):
            medians_P[slot] = [float(np.median(log_R)) for log_R in logs]
    variances = {slot: float(np.var(own_P, ddof=1)) for slot, own_P in medians_P.items()}
    control = variances.get(again(records[0].reference))
    if control is None:
        return False
    variance = max(control, float(np.mean(list(variances.values())))) / len(records)
    return bool(np.exp(4 * np.sqrt(variance)) < _AGREE)
