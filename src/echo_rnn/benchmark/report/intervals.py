"""Ratios of times with 95 % intervals, of strategies and of peers alike.

A ratio is the reference's time over a contestant's time in the same round of the same process: what slowed the machine
in that round slowed both. A process's ratio is the median over its rounds; the estimate is the geometric mean over
processes; the 95 % interval is, on the logarithm, `estimate ± t · √((within + between) / processes)`.

- `within`: the variance of a process's median, by a bootstrap that resamples blocks of neighbouring rounds, because
  neighbours are alike.
- `between`: how much more than that the processes differ, since each start lays out memory and code anew. It is the
  larger of the contestant's own and that of all slots of the shape together: two or three processes of one contestant
  show too little too often, and resampling them would be a bootstrap of two or three values.
- `t`: Student's quantile with Satterthwaite's degrees of freedom for the sum of the two. Process as a random effect
  follows Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013.

With one process nothing is known of `between`, and the interval is that process's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from echo_rnn.benchmark.measure.ratios import Floats, log_ratios, log_times
from echo_rnn.benchmark.measure.records import REFERENCE, Record
from echo_rnn.benchmark.report.results import Interval

_RESAMPLES = 1000
_TAIL = 0.975


@dataclass(frozen=True)
class _Ratio:
    """Log ratios of a slot: the median of each process, the variance of these medians within processes, all rounds."""

    medians_P: Floats
    within: float
    rounds: int

    @property
    def excess(self) -> float:
        """How much more than `within` the processes differ."""
        return float(self.medians_P.var(ddof=1)) - self.within if len(self.medians_P) > 1 else 0.0


def paired(
    records: Sequence[Record], slots: Sequence[str], kind: str = "train", seed: int = 0, reference: str = REFERENCE
) -> dict[str, Interval]:
    """The time of `reference` over that of each slot; a slot without two rounds beside it is left out.

    Args:
        records: One for each process, or for each start of several processes that were measured in the same rounds.
        slots: Without the reference.
        kind: Of the samples.
        seed: Of the bootstrap.
        reference: A slot.
    """
    rng = np.random.default_rng(seed)
    ratios = {}
    for slot in slots:
        logs = [log_R for record in records if (log_R := log_ratios(record, slot, kind, reference)).size]
        if sum(map(len, logs)) > 1:
            ratios[slot] = _ratio(logs, rng)
    common, freedom = _common_excess([ratio for ratio in ratios.values() if len(ratio.medians_P) == len(records)])
    return {slot: _interval(ratio, common, freedom) for slot, ratio in ratios.items()}


def unpaired(
    first: Sequence[Record], first_slot: str, second: Sequence[Record], second_slot: str, seed: int = 0
) -> Interval | None:
    """The time of a training step of a slot over that of a slot of other processes, such as of another compilation.

    No rounds are shared, so that the interval also covers how much the machine's speed changed from process to process:
    a two-sample interval of the processes' medians with their pooled variance. `None` where one was not timed twice.
    """
    rng = np.random.default_rng(seed)
    groups = []
    for records, slot in ((first, first_slot), (second, second_slot)):
        logs = [np.array(list(by_round.values())) for record in records if (by_round := log_times(record, slot))]
        if sum(map(len, logs)) < 2:
            return None
        groups.append(_ratio(logs, rng))
    processes = [len(group.medians_P) for group in groups]
    within = float(np.mean([group.within for group in groups]))
    freedom = float(sum(processes) - 2)
    squares = sum(float(((group.medians_P - group.medians_P.mean()) ** 2).sum()) for group in groups)
    if freedom and squares / freedom > within:
        variance = squares / freedom
    else:
        variance, freedom = within, max(1.0, float(sum(group.rounds for group in groups) - sum(processes)))
    center = float(groups[0].medians_P.mean() - groups[1].medians_P.mean())
    return _around(center, variance * sum(1 / count for count in processes), freedom)


def step_seconds(records: Sequence[Record], slot: str, kind: str = "train") -> float | None:
    """The median of seconds per step."""
    seconds = [
        sample.seconds / sample.steps
        for record in records
        for sample in record.samples
        if sample.slot == slot and sample.kind == kind
    ]
    return float(np.median(seconds)) if seconds else None


def _ratio(logs: Sequence[Floats], rng: np.random.Generator) -> _Ratio:
    within = float(np.mean([_variance_of_median(log_R, rng) for log_R in logs]))
    return _Ratio(np.array([np.median(log_R) for log_R in logs]), within, sum(map(len, logs)))


def _common_excess(ratios: list[_Ratio]) -> tuple[float, float]:
    """How much more than within processes the ratios of all slots differ between processes; degrees of freedom.

    The interaction of slots and processes, the reference (its log ratio is 0) among the slots: the ratios share it,
    so that their own variances are not independent.
    """
    if not ratios or len(ratios[0].medians_P) < 2:
        return 0.0, 1.0
    log_KP = np.vstack([np.zeros_like(ratios[0].medians_P), *(ratio.medians_P for ratio in ratios)])
    rest_KP = log_KP - log_KP.mean(axis=0) - log_KP.mean(axis=1, keepdims=True) + log_KP.mean()
    freedom = float(len(ratios) * (log_KP.shape[1] - 1))
    of_a_ratio = 2 * float((rest_KP**2).sum()) / freedom
    return max(0.0, of_a_ratio - float(np.mean([ratio.within for ratio in ratios]))), freedom


def _interval(ratio: _Ratio, common: float, common_freedom: float) -> Interval:
    processes = len(ratio.medians_P)
    within, within_freedom = ratio.within, max(1.0, float(ratio.rounds - processes))
    between, between_freedom = common, common_freedom
    if ratio.excess > common:
        # The smaller the others' share in it, the fewer degrees of freedom they add.
        between, between_freedom = ratio.excess, max(1.0, processes - 1.0, common_freedom * common / ratio.excess)
    variance = within + between
    parts = within**2 / within_freedom + between**2 / between_freedom
    freedom = max(1.0, variance**2 / parts) if parts else within_freedom
    return _around(float(ratio.medians_P.mean()), variance / processes, freedom)


def _around(center: float, variance: float, freedom: float) -> Interval:
    half = float(stdtrit(freedom, _TAIL)) * float(np.sqrt(variance))
    return Interval(*(float(np.exp(center + sign * half)) for sign in (0, -1, 1)))


def _variance_of_median(values_R: Floats, rng: np.random.Generator) -> float:
    """By a circular bootstrap of blocks of neighbouring rounds."""
    rounds = len(values_R)
    block = max(1, round(rounds ** (1 / 3)))
    starts = rng.integers(rounds, size=(_RESAMPLES, -(-rounds // block), 1))
    drawn = ((starts + np.arange(block)) % rounds).reshape(_RESAMPLES, -1)[:, :rounds]
    return float(np.median(values_R[drawn], axis=1).var())
