"""The answer that a report gives before its numbers: what is fastest, by how much, and from when on it pays off."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from echo_rnn.benchmark.measure.records import REFERENCE, Record
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.grid import describe_shape, labels, varying
from echo_rnn.benchmark.report.intervals import paired, unpaired
from echo_rnn.benchmark.report.noise import FEWEST_ROUNDS
from echo_rnn.benchmark.report.results import ONE, ContestantResult, Interval, ShapeResult, Verdict
from echo_rnn.benchmark.report.statistics import break_even, margin, verdict_of
from echo_rnn.core.compilation import Compile

# Where the baseline was not measured: the reference in the first of these that was.
_CONDITIONS: tuple[Compile, ...] = ("graph", "none", "xla")
_MOST_COLUMNS = 6
TOLERATED = 1.02
"""How much longer than with the reference a whole training with the recommended strategy may take."""
DECIDING_PROCESSES = 3
"""After so many the estimate decides what the intervals leave open: a small difference, or one that is not the same in
all processes."""


@dataclass(frozen=True)
class Variant:
    """A strategy under a condition.

    Attributes:
        label: The strategy.
        compile: The condition: how the step was compiled,
        shards: and the largest number of shards of its batch.
    """

    label: str
    compile: Compile
    shards: int = 1

    @property
    def condition(self) -> tuple[Compile, int]:
        """All but the strategy."""
        return self.compile, self.shards


BASELINE = Variant("static", "graph")
"""Every step written out, without XLA, as in the tutorial's parts 2 to 4: the fastest is compared with it."""


@dataclass(frozen=True)
class Leader:
    """The fastest of all strategies under all conditions, at one set of sizes.

    Attributes:
        shape: The sizes, with the condition of the fastest.
        variant: The fastest.
        baseline: What it is compared with.
        verdict: `faster` than the baseline, `undecided`, or `reference` where the baseline is the fastest itself.
        speedup: Time of a training step of the baseline over that of the fastest.
        rivals: All others that are not shown to be slower than the fastest.
        others: The fastest under each other condition, and its time over that of the fastest of all.
        least: The smallest ratio that is called a difference here.
        step_seconds: Of the fastest.
        first_call_seconds: Of the fastest.
        baseline_first_call_seconds: Of the baseline.
        break_even_steps: Steps after which a longer first call than the baseline's has paid off; 0 for at once.
    """

    shape: Shape
    variant: Variant
    baseline: Variant
    verdict: Verdict
    speedup: Interval
    rivals: list[Variant]
    others: list[tuple[Variant, Interval]]
    least: float
    step_seconds: float
    first_call_seconds: float
    baseline_first_call_seconds: float
    break_even_steps: float | None


@dataclass(frozen=True)
class Cell:
    """A contestant in a column of the table of verdicts.

    Attributes:
        counts: How many of the column's shapes have which verdict.
        lowest: The smallest speed-up over the reference that the verdicts count, with its shape.
        highest: The largest.
    """

    counts: Mapping[Verdict, int]
    lowest: tuple[Interval, Shape] | None
    highest: tuple[Interval, Shape] | None


@dataclass(frozen=True)
class Answer:
    """What a report begins with.

    Attributes:
        question: What was asked.
        leaders: One for each set of sizes; of ours beside peers none.
        columns: Names of the columns of the table: a shape each, or the conditions where there are many shapes.
        verdicts: Its rows, by contestant.
        results: What all this is derived from.
    """

    question: str
    leaders: list[Leader]
    columns: list[str]
    verdicts: dict[str, list[Cell]]
    results: Sequence[ShapeResult]

    @property
    def is_beside_peers(self) -> bool:
        """Whether others than strategies of ours took part."""
        return any(not each.is_ours for result in self.results for each in result.contestants)


@dataclass(frozen=True)
class Recommendation:
    """The strategy with which a training is expected to take the least time, of those that are safe to choose.

    Attributes:
        chosen: The strategy.
        steps: Training steps that are planned.
        seconds: Of all steps with the chosen one, first call included.
        reference_seconds: The same with the reference.
        open: Strategies that may take less time than the chosen one but, as far as was measured, may also take more
            than the reference.
        may_save: Seconds that the best of those is expected to take less than the chosen one; 0 where none is.
    """

    chosen: ContestantResult
    steps: int
    seconds: Interval
    reference_seconds: float
    open: list[str]
    may_save: float


def answer(question: str, results: Sequence[ShapeResult], records: Sequence[Record] = ()) -> Answer:
    """Derives the answer.

    Args:
        question: What was asked.
        results: What the records show.
        records: Of strategies: their samples are needed to compare conditions with each other.
    """
    samples: dict[Shape, list[Record]] = {}
    for record in records:
        if record.samples:
            samples.setdefault(record.shape, []).append(record)
    sizes: dict[Shape, list[ShapeResult]] = {}
    for result in results:
        if result.shape in samples:
            sizes.setdefault(replace(result.shape, compile="none", shards=1), []).append(result)
    leaders = [leader for group in sizes.values() if (leader := _leader(group, samples)) is not None]
    columns = _columns(results)
    verdicts = {label: [_cell(label, own) for own in columns.values()] for label in labels(results)}
    return Answer(question, leaders, list(columns), verdicts, results)


def _leader(results: Sequence[ShapeResult], samples: Mapping[Shape, list[Record]]) -> Leader | None:
    """The fastest of one set of sizes."""
    timed = {
        Variant(each.label, result.shape.compile, result.shape.shards): (result, each)
        for result in results
        for each in result.contestants
        if each.step_seconds is not None
    }
    references = [variant for variant in timed if variant.label == REFERENCE]
    first = min(references, key=lambda variant: (_CONDITIONS.index(variant.compile), variant.shards), default=None)
    baseline = BASELINE if BASELINE in timed else first
    if baseline is None:
        return None

    def over(base: Variant) -> dict[Variant, Interval]:
        """The time of `base` over that of every other variant: paired where rounds are shared."""
        shape = timed[base][0].shape
        beside = [variant.label for variant in timed if variant.condition == base.condition and variant != base]
        own = paired(samples[shape], beside, reference=base.label)
        found = {Variant(label, *base.condition): interval for label, interval in own.items()}
        for variant, (result, _) in timed.items():
            if variant.condition != base.condition:
                apart = unpaired(samples[shape], base.label, samples[result.shape], variant.label)
                found |= {variant: apart} if apart else {}
        return found

    speedups = over(baseline) | {baseline: ONE}
    fastest = max(speedups, key=lambda variant: speedups[variant].estimate)
    (result, own), (base_result, base) = timed[fastest], timed[baseline]
    least = max(margin(each.control, each.processes) for each in (result, base_result))
    rounds = min(result.rounds, base_result.rounds)
    verdict: Verdict = "reference" if fastest == baseline else verdict_of(speedups[fastest], rounds, least)
    beside = over(fastest)
    rivals = [variant for variant, interval in beside.items() if interval.high >= 1 / least]
    best: dict[tuple[Compile, int], Variant] = {}  # of each other condition
    for variant in sorted(beside, key=lambda variant: beside[variant].estimate):
        if variant.condition != fastest.condition:
            best[variant.condition] = variant
    own_first, base_first = own.first_call_seconds or 0.0, base.first_call_seconds or 0.0
    base_step = base.step_seconds or 0.0
    step = base_step / speedups[fastest].estimate
    return Leader(
        shape=result.shape,
        variant=fastest,
        baseline=baseline,
        verdict=verdict,
        speedup=speedups[fastest],
        rivals=rivals,
        others=[(variant, beside[variant].inverse) for variant in best.values()],
        least=least,
        step_seconds=own.step_seconds or 0.0,
        first_call_seconds=own_first,
        baseline_first_call_seconds=base_first,
        break_even_steps=break_even(own_first - base_first, verdict, step, base_step),
    )


def _columns(results: Sequence[ShapeResult]) -> dict[str, list[ShapeResult]]:
    """A column for each shape; for each condition where that would be too many."""
    fields = varying(results)
    if len(results) > _MOST_COLUMNS:
        fields = [field for field in fields if field == "compile"]
    found: dict[str, list[ShapeResult]] = {}
    for result in results:
        trained = f"whole process of {result.trained}" if result.trained else ""
        name = ", ".join(part for part in (trained, describe_shape(result.shape, fields)) if part)
        found.setdefault(
            name or ("all shapes" if len(results) > 1 else describe_shape(result.shape, ["compile"])), []
        ).append(result)
    return found


def _cell(label: str, results: Sequence[ShapeResult]) -> Cell:
    every = [(result.of(label), result.shape) for result in results]
    shown = [
        (own.speedup, shape) for own, shape in every if own is not None and own.speedup and own.verdict != "reference"
    ]
    lowest = min(shown, key=lambda pair: pair[0].estimate, default=None)
    highest = max(shown, key=lambda pair: pair[0].estimate, default=None)
    return Cell(Counter(own.verdict if own is not None else "missing" for own, _ in every), lowest, highest)


def recommend(result: ShapeResult, steps: int) -> Recommendation:
    """The strategy whose first call and `steps` planned training steps are expected to take the least time in all.

    With fewer than `DECIDING_PROCESSES` only what is shown is counted on: a strategy is chosen where the upper bound of
    its time is at most `TOLERATED` above the time of the reference. So the choice takes longer than that in as many
    cases as intervals miss.
    """
    reference = result.of(result.reference)
    assert reference is not None and reference.step_seconds is not None
    later, step = max(0, steps - 1), reference.step_seconds
    # The same that a ratio has to exceed before it is called a difference.
    least = margin(result.control, result.processes)

    def total(each: ContestantResult) -> Interval:
        speedup, first = each.speedup or ONE, each.first_call_seconds or 0.0
        wide = ONE if each is reference else Interval(speedup.estimate, speedup.low / least, speedup.high * least)
        if each is not reference and result.rounds < FEWEST_ROUNDS:
            wide = Interval(speedup.estimate, 0.0, np.inf)
        slowest = later * step / wide.low if wide.low else np.inf
        return Interval(first + later * step / wide.estimate, first + later * step / wide.high, first + slowest)

    totals = {each.label: total(each) for each in result.contestants if each.step_seconds is not None}
    longest = totals[reference.label].estimate * TOLERATED
    decided = result.processes >= DECIDING_PROCESSES
    safe = [each for each, own in totals.items() if decided or each == reference.label or own.high <= longest]
    chosen = min(safe, key=lambda label: totals[label].estimate)
    rivals = [label for label, own in totals.items() if label not in safe and own.low < totals[chosen].estimate]
    best = result.of(chosen)
    assert best is not None
    saved = max((totals[chosen].estimate - totals[label].estimate for label in rivals), default=0.0)
    return Recommendation(best, steps, totals[chosen], totals[reference.label].estimate, rivals, max(saved, 0.0))
