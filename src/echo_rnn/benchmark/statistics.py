"""What raw samples say: medians, paired ratios with intervals, verdicts, and how far the machine is to be trusted.

A ratio is the reference's time over a strategy's time in the same round of the same process: whatever slowed the
machine in that round slowed both. A process's ratio is the median over its rounds, the estimate the geometric mean
over processes, and its interval, on the logarithm, `estimate ± t · √(variance / processes)`:

- within a process, the variance of its median comes from a bootstrap that resamples blocks of neighbouring rounds,
  because neighbours are alike;
- between processes (layout of memory and code differ from start to start) it is the variance of the processes'
  medians, the larger of a strategy's own and that of all slots of the shape together: two or three processes alone
  would show too little too often, which is also why the quantile is Student's.

With one process nothing is known of how processes differ; then the smallest difference claimed is `ONE_PROCESS`.
No difference is claimed that is not larger than the one between the reference and itself: the A/A control.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import mannwhitneyu

from echo_rnn.benchmark.records import CONTROL, REFERENCE, Record, Sample, by_shape
from echo_rnn.benchmark.results import Interval, ShapeResult, StrategyResult, Verdict
from echo_rnn.benchmark.shape import Shape
from echo_rnn.errors import UserError

# What the layout of one process alone is known to do to a ratio (Mytkowicz et al., ASPLOS 2009).
ONE_PROCESS = 1.05
# The median of fewer values has no 95 % interval: the range of five holds it in 1 - 2/2⁵ = 94 % of all cases.
FEWEST_ROUNDS = 6
WIDE = 1.1
SPREAD = 0.2
CHANGE = 1.1

_RESAMPLES = 1000
_TAIL = 0.975

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Ratio:
    """Log ratios of a slot: each process's median, and the bootstrap variance of that median."""

    medians_P: Floats
    variances_P: Floats
    rounds_P: Floats

    @property
    def within(self) -> float:
        return float(self.variances_P.mean())

    @property
    def between(self) -> float:
        """Variance of the processes' medians, the part within processes included."""
        return float(self.medians_P.var(ddof=1)) if len(self.medians_P) > 1 else 0.0


def results(records: Sequence[Record], stored_bytes: Callable[[Shape, str], int], seed: int = 0) -> list[ShapeResult]:
    """Derives everything from the raw samples of all processes.

    A shape without one whole round of the reference and its control is left out.

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
        if any(_log_ratios(record, CONTROL, "train").size for record in own):
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
    right = [slot for slot in slots if slot not in wrong | {REFERENCE}]
    train, forward = (_intervals(timed, right, kind, seed) for kind in ("train", "forward"))
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
        time_steps_per_second=shape.window * shape.rows / step if step else None,
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


def _intervals(records: list[Record], slots: list[str], kind: str, seed: int) -> dict[str, Interval]:
    rng = np.random.default_rng(seed)
    ratios = {}
    for slot in slots:
        logs = [log_R for record in records if (log_R := _log_ratios(record, slot, kind)).size]
        if logs:
            ratios[slot] = _Ratio(
                np.array([np.median(log_R) for log_R in logs]),
                np.array([_variance_of_median(log_R, rng) for log_R in logs]),
                np.array([len(log_R) for log_R in logs], float),
            )
    several = [ratio for ratio in ratios.values() if len(ratio.medians_P) > 1]
    excess = max(0.0, float(np.mean([r.between - r.within for r in several]))) if several else 0.0
    return {slot: _interval(ratio, excess, several) for slot, ratio in ratios.items()}


def _interval(ratio: _Ratio, excess: float, several: list[_Ratio]) -> Interval:
    processes = len(ratio.medians_P)
    within, between = ratio.within, max(0.0, ratio.between - ratio.within, excess)
    # Satterthwaite's degrees of freedom for the sum of the two variances.
    within_freedom = max(1.0, float(ratio.rounds_P.sum()) - processes)
    between_freedom = max(1.0, sum(len(other.medians_P) - 1 for other in several) / 2)
    variance = within + between
    parts = within**2 / within_freedom + between**2 / between_freedom
    freedom = variance**2 / parts if parts else within_freedom
    half = float(stdtrit(freedom, _TAIL)) * np.sqrt(variance / processes)
    center = float(ratio.medians_P.mean())
    return Interval(*(float(np.exp(center + sign * half)) for sign in (0, -1, 1)))


def _variance_of_median(values_R: Floats, rng: np.random.Generator) -> float:
    """By a circular bootstrap of blocks of neighbouring rounds."""
    rounds = len(values_R)
    block = max(1, round(rounds ** (1 / 3)))
    starts = rng.integers(rounds, size=(_RESAMPLES, -(-rounds // block), 1))
    picked = ((starts + np.arange(block)) % rounds).reshape(_RESAMPLES, -1)[:, :rounds]
    return float(np.median(values_R[picked], axis=1).var())


def _log_ratios(record: Record, slot: str, kind: str) -> Floats:
    """log(reference / slot) of every round that has both."""
    reference, own = (_by_round(record.samples, name, kind) for name in (REFERENCE, slot))
    return np.array([reference[r] - own[r] for r in sorted(reference.keys() & own.keys())])


def _by_round(samples: Iterable[Sample], slot: str, kind: str) -> dict[int, float]:
    """The logarithm of seconds per step of each round."""
    found: dict[int, list[float]] = {}
    for sample in samples:
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
        found.append(f"The same computation twice was not equally fast: {interval} instead of 1.")
    elif control.high / control.low > WIDE:
        found.append(f"Even the same computation twice is known only as {interval}.")
    if rounds < FEWEST_ROUNDS:
        found.append(f"Only {rounds} rounds were measured; nothing is claimed from fewer than {FEWEST_ROUNDS}.")
    if len(records) == 1:
        found.append(f"Only 1 process measured; differences below {ONE_PROCESS - 1:.0%} are not claimed.")
    found += [*_drifts(records), *_spread(records), *_loads(records)]
    return found


def _residuals(record: Record) -> tuple[Floats, Floats]:
    """When each call began, and the logarithm of its time over its slot's median, in order of time."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for sample in record.samples:
        value = float(np.log(sample.seconds / sample.steps))
        groups.setdefault((sample.slot, sample.kind), []).append((sample.start, value))
    rows = [
        (start, value - float(np.median([other for _, other in group])))
        for group in groups.values()
        for start, value in group
    ]
    start_N, residual_N = np.array(sorted(rows)).T
    return start_N, residual_N


def _drifts(records: list[Record]) -> list[str]:
    found = []
    for number, record in enumerate(records, 1):
        start_N, residual_N = _residuals(record)
        change = _change(residual_N)
        if change is not None:
            at, size = change
            word = "longer" if size > 0 else "less long"
            of = f" of process {number}" if len(records) > 1 else ""
            found.append(
                f"The machine changed its speed: from {start_N[at] - start_N[0]:.1f} s{of} on, the same steps took "
                f"{np.exp(size):.2f} times as {'long' if word else ''}."
            )
    return found


def _change(residual_N: Floats) -> tuple[int, float] | None:
    """Where all slots became slower or faster, and by how much (logarithm)."""
    count = len(residual_N)
    if count < 8:
        return None
    cuts = sorted({int(count * share) for share in np.linspace(0.2, 0.8, 13)})
    sizes = [float(np.median(residual_N[cut:]) - np.median(residual_N[:cut])) for cut in cuts]
    best = int(np.argmax(np.abs(sizes)))
    chance = float(mannwhitneyu(residual_N[: cuts[best]], residual_N[cuts[best] :]).pvalue) * len(cuts)
    return (cuts[best], sizes[best]) if abs(sizes[best]) > np.log(CHANGE) and chance < 0.001 else None


def _spread(records: list[Record]) -> list[str]:
    residual_N = np.concatenate([_residuals(record)[1] for record in records])
    low, high = np.percentile(residual_N, [25, 75])
    spread = float(np.exp(high - low)) - 1
    return [f"The middle half of the calls of one strategy lies {spread:.0%} apart."] if spread > SPREAD else []


def _loads(records: list[Record]) -> list[str]:
    loads = [max(record.load) for record in records]
    cores = float(records[0].environment.get("hardware.cores", records[0].shape.threads))
    if max(loads) <= cores:
        return []
    return [f"The load average was up to {max(loads):.1f} on {cores:.0f} cores: others used the machine."]
