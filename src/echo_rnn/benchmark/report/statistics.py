"""What raw samples say: paired ratios with intervals, verdicts, and how far the machine is to be trusted.

A ratio is the reference's time over a strategy's time in the same round of the same process: what slowed the machine
in that round slowed both. A process's ratio is the median over its rounds; the estimate is the geometric mean over
processes; the 95 % interval is, on the logarithm, `estimate ± t · √((within + between) / processes)`.

- `within`: the variance of a process's median, by a bootstrap that resamples blocks of neighbouring rounds, because
  neighbours are alike.
- `between`: how much more than that the processes differ, since each start lays out memory and code anew. It is the
  larger of the strategy's own and that of all slots of the shape together: two or three processes of one strategy
  show too little too often, and resampling them would be a bootstrap of two or three values.
- `t`: Student's quantile with Satterthwaite's degrees of freedom for the sum of the two. Process as a random effect
  follows Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013.

With one process nothing is known of `between`: the interval is that process's own, and no difference below
`ONE_PROCESS` is claimed. Nor is any that is not larger than what the A/A control, the reference against itself, shows,
or that comes from fewer than `FEWEST_ROUNDS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import mannwhitneyu

from echo_rnn.benchmark.measure.records import CONTROL, REFERENCE, Record, Sample, by_shape
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.results import Interval, ShapeResult, StrategyResult, Verdict
from echo_rnn.errors import UserError

# The layout of a process is known to move a ratio by a few percent (Mytkowicz et al., ASPLOS 2009).
ONE_PROCESS = 1.05
# The median of fewer values has no 95 % interval: the whole range of five holds it in 1 - 2/2⁵ = 94 % of all cases.
FEWEST_ROUNDS = 6
# What is called noise: the control's interval, the middle half of one strategy's calls, and a change of speed.
WIDE = 1.1
SPREAD = 0.2
CHANGE = 1.1

_RESAMPLES = 1000
_SHORTEST = 4
_TAIL = 0.975

Floats = NDArray[np.float64]


class Sampled(Protocol):
    """A record, as far as ratios are concerned."""

    @property
    def samples(self) -> list[Sample]:
        """Every timed call."""


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


def results(records: Sequence[Record], stored_bytes: Callable[[Shape, str], int], seed: int = 0) -> list[ShapeResult]:
    """Derives everything from the raw samples of all processes.

    A shape without two whole rounds of the reference and its control is left out: nothing can be said of it.

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
                f"{', '.join(fingerprints)}; keep one of them apart"
            )
        if _rounds(own, CONTROL) > 1:
            found.append(_shape_result(shape, own, stored_bytes, seed))
    return found


@dataclass(frozen=True)
class _Evidence:
    """What is known of one shape before anything is said of a strategy."""

    shape: Shape
    records: list[Record]
    timed: list[Record]
    train: dict[str, Interval]
    forward: dict[str, Interval]
    wrong: set[str]
    formula: Callable[[Shape, str], int]

    @property
    def margin(self) -> float:
        """What a ratio has to exceed before it is called a difference."""
        control = self.train[CONTROL]
        return max(control.high, 1 / control.low, ONE_PROCESS if len(self.timed) == 1 else 1.0)


def _shape_result(
    shape: Shape, records: list[Record], stored_bytes: Callable[[Shape, str], int], seed: int
) -> ShapeResult:
    timed = [record for record in records if record.samples]
    slots = list(dict.fromkeys(slot for record in timed for slot in record.prepared))
    wrong = {slot for record in timed for slot, prepared in record.prepared.items() if not prepared.equal}
    right = [slot for slot in slots if slot != REFERENCE and slot not in wrong - {CONTROL}]
    train, forward = (intervals(timed, right, kind, seed) for kind in ("train", "forward"))
    train[REFERENCE] = forward[REFERENCE] = Interval(1.0, 1.0, 1.0)
    evidence = _Evidence(shape, records, timed, train, forward, wrong, stored_bytes)
    return ShapeResult(
        shape=shape,
        strategies=[_strategy_result(evidence, slot) for slot in slots if slot != CONTROL],
        control=train[CONTROL],
        noise=_noise(timed, train[CONTROL]),
        processes=len(timed),
        rounds=_rounds(timed, CONTROL),
        environment=timed[0].environment,
    )


def _verdict(evidence: _Evidence, label: str) -> Verdict:
    if label in evidence.wrong:
        return "wrong"
    if label == REFERENCE:
        return "reference"
    speedup = evidence.train.get(label)
    if speedup is None or _rounds(evidence.timed, label) < FEWEST_ROUNDS:
        return "no difference shown"
    if speedup.low > evidence.margin:
        return "faster"
    return "slower" if speedup.high < 1 / evidence.margin else "no difference shown"


def _strategy_result(evidence: _Evidence, label: str) -> StrategyResult:
    shape, timed, verdict = evidence.shape, evidence.timed, _verdict(evidence, label)
    prepared = [record.prepared[label] for record in timed if label in record.prepared]
    first = float(np.median([slot.first_call_seconds for slot in prepared]))
    reference_first = float(np.median([record.prepared[REFERENCE].first_call_seconds for record in timed]))
    speedup, forward_speedup = evidence.train.get(label), evidence.forward.get(label)
    reference_step, reference_forward = _median(timed, "train"), _median(timed, "forward")
    step = reference_step / speedup.estimate if speedup and reference_step else None
    gflops = shape.step_flops / step / 1e9 if step else None
    peaks = [record.peak_gflops for record in timed if record.peak_gflops]
    memory = [record.memory_bytes[label] for record in evidence.records if label in record.memory_bytes]
    return StrategyResult(
        label=label,
        verdict=verdict,
        step_seconds=step,
        forward_seconds=reference_forward / forward_speedup.estimate if forward_speedup and reference_forward else None,
        speedup=speedup,
        forward_speedup=forward_speedup if reference_forward else None,
        trace_seconds=float(np.median([slot.trace_seconds for slot in prepared])),
        compile_seconds=float(np.median([slot.compile_seconds for slot in prepared])),
        first_call_seconds=first,
        graph_nodes=int(np.median([slot.graph_nodes for slot in prepared])),
        graph_bytes=int(np.median([slot.graph_bytes for slot in prepared])),
        time_steps_per_second=shape.window * shape.batch_size / step if step else None,
        gflops=gflops,
        share_of_peak=gflops / float(np.median(peaks)) if gflops and peaks else None,
        memory_bytes=int(np.median(memory)) if memory else None,
        formula_bytes=evidence.formula(shape, label),
        break_even_steps=_break_even(first - reference_first, verdict, step, reference_step),
        largest_error=float(np.max([slot.largest_error for slot in prepared])),
    )


def _break_even(extra: float, verdict: Verdict, step: float | None, reference: float | None) -> float | None:
    if step is None or reference is None:
        return None
    if extra <= 0:
        return 0.0
    return 1 + extra / (reference - step) if verdict == "faster" else None


def intervals(
    records: Sequence[Sampled], slots: Sequence[str], kind: str, seed: int, reference: str = REFERENCE
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
        logs = [log_R for record in records if (log_R := _log_ratios(record, slot, kind, reference)).size]
        rounds = sum(map(len, logs))
        if rounds > 1:
            within = float(np.mean([_variance_of_median(log_R, rng) for log_R in logs]))
            ratios[slot] = _Ratio(np.array([np.median(log_R) for log_R in logs]), within, rounds)
    common, freedom = _common_excess([ratio for ratio in ratios.values() if len(ratio.medians_P) == len(records)])
    return {slot: _interval(ratio, common, freedom) for slot, ratio in ratios.items()}


def _common_excess(ratios: list[_Ratio]) -> tuple[float, float]:
    """How much more than within processes the ratios of all slots differ between processes; degrees of freedom.

    The interaction of slots and processes, the reference (whose log ratio is 0) among the slots: the ratios share it,
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
        # The less the others have to do with it, the less they know of it.
        between, between_freedom = ratio.excess, max(1.0, processes - 1.0, common_freedom * common / ratio.excess)
    variance = within + between
    parts = within**2 / within_freedom + between**2 / between_freedom
    freedom = max(1.0, variance**2 / parts) if parts else within_freedom
    half = float(stdtrit(freedom, _TAIL)) * float(np.sqrt(variance / processes))
    center = float(ratio.medians_P.mean())
    return Interval(*(float(np.exp(center + sign * half)) for sign in (0, -1, 1)))


def _variance_of_median(values_R: Floats, rng: np.random.Generator) -> float:
    """By a circular bootstrap of blocks of neighbouring rounds."""
    rounds = len(values_R)
    block = max(1, round(rounds ** (1 / 3)))
    starts = rng.integers(rounds, size=(_RESAMPLES, -(-rounds // block), 1))
    picked = ((starts + np.arange(block)) % rounds).reshape(_RESAMPLES, -1)[:, :rounds]
    return float(np.median(values_R[picked], axis=1).var())


def _log_ratios(record: Sampled, slot: str, kind: str, reference: str = REFERENCE) -> Floats:
    """log(reference / slot) of every round that has both."""
    base, own = (_by_round(record, name, kind) for name in (reference, slot))
    return np.array([base[r] - own[r] for r in sorted(base.keys() & own.keys())])


def _by_round(record: Sampled, slot: str, kind: str = "train") -> dict[int, float]:
    """The logarithm of seconds per step of each round."""
    found: dict[int, list[float]] = {}
    for sample in record.samples:
        if sample.slot == slot and sample.kind == kind:
            found.setdefault(sample.round, []).append(float(np.log(sample.seconds / sample.steps)))
    return {number: float(np.mean(logs)) for number, logs in found.items()}


def _rounds(records: list[Record], slot: str) -> int:
    return sum(len(_log_ratios(record, slot, "train")) for record in records)


def _median(records: list[Record], kind: str) -> float | None:
    """Seconds per step of the reference."""
    seconds = [
        sample.seconds / sample.steps
        for record in records
        for sample in record.samples
        if sample.slot == REFERENCE and sample.kind == kind
    ]
    return float(np.median(seconds)) if seconds else None


def _noise(records: list[Record], control: Interval) -> list[str]:
    found = []
    rounds = _rounds(records, CONTROL)
    interval = f"{control.estimate:.3f} ({control.low:.3f}–{control.high:.3f})"
    if not control.low <= 1 <= control.high:
        found.append(f"The same computation twice was not equally fast, {interval} in place of 1.")
    elif control.high / control.low > WIDE:
        found.append(f"Even the ratio of the same computation twice is known only as {interval}.")
    if rounds < FEWEST_ROUNDS:
        found.append(f"Only {rounds} rounds were measured, and nothing is claimed from fewer than {FEWEST_ROUNDS}.")
    controls = [own for record in records if (own := record.prepared.get(CONTROL)) and not own.equal]
    errors = [own.largest_error for own in controls if own.largest_error is not None]
    if errors:
        found.append(f"The reference did not compute the same twice, with a relative error of {max(errors):.2g}.")
    if len(records) == 1:
        found.append(f"Only 1 process measured, and no difference below {ONE_PROCESS - 1:.0%} is claimed from one.")
    return [*found, *_changes(records), *_levels(records), *_spread(records), *_loads(records)]


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


def _changes(records: list[Record]) -> list[str]:
    """A sentence for each process in which all slots became slower or faster for good."""
    found = []
    for number, record in enumerate(records, 1):
        start_N, residual_N = _residuals(record)
        change = _change(residual_N)
        if change is not None:
            at, size = change
            where = f" of process {number}" if len(records) > 1 else ""
            found.append(
                f"The machine changed its speed: from {start_N[at] - start_N[0]:.1f} s{where} on, "
                f"the same steps took {np.exp(size):.2f} times as long."
            )
    return found


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


def _levels(records: list[Record]) -> list[str]:
    """Whether the machine was slower in one process than in another."""
    middles = [
        {slot: float(np.median(list(logs.values()))) for slot in record.prepared if (logs := _by_round(record, slot))}
        for record in records
    ]
    slots = set.intersection(*(set(middle) for middle in middles))
    levels = [float(np.mean([middle[slot] for slot in slots])) for middle in middles] if slots else [0.0]
    ratio = float(np.exp(max(levels) - min(levels)))
    return [f"The slowest process took {ratio:.2f} times as long as the fastest."] if ratio > CHANGE else []


def _spread(records: list[Record]) -> list[str]:
    residual_N = np.concatenate([_residuals(record)[1] for record in records])
    low, high = np.percentile(residual_N, [25, 75])
    spread = float(np.exp(high - low)) - 1
    return [f"The middle half of one strategy's calls spreads over {spread:.0%}."] if spread > SPREAD else []


def _loads(records: list[Record]) -> list[str]:
    load = max(max(record.load) for record in records)
    cores = float(records[0].environment.get("hardware.cores", records[0].shape.threads))
    return [f"The load average reached {load:.1f} on {cores:.0f} cores."] if load > cores else []
