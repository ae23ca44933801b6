"""Wording: how numbers and kinds are written in the page, the terminal and the tracking store."""

from collections.abc import Callable, Sequence
from typing import Any

from echo_rnn.benchmark.measure.records import NOT_A_NUMBER
from echo_rnn.benchmark.measure.shape import condition
from echo_rnn.benchmark.report.answer import Answer, Cell, Leader, Recommendation, Variant
from echo_rnn.benchmark.report.grid import SIZES, describe_shape, name_of, varying
from echo_rnn.benchmark.report.growth import WORK, growths
from echo_rnn.benchmark.report.noise import FEWEST_ROUNDS
from echo_rnn.benchmark.report.results import ContestantResult, Interval, Noise, NoiseKind, ShapeResult, Verdict
from echo_rnn.core.strategies import find_strategy
from echo_rnn.units import in_bytes, seconds

Row = dict[str, str]
"""A line of a table: text by the name of its column."""

NOTHING = "–"
VERDICTS: dict[Verdict, str] = {
    "reference": "reference",
    "faster": "faster",
    "slower": "slower",
    "undecided": "no difference shown",
    "wrong": "wrong",
    "untimed": "not timed",
    "missing": "not measured",
}
_NOISE: dict[NoiseKind, str] = {
    "control differs": "The same computation measured twice was not equally fast: a ratio of {value:.3f} instead of 1.",
    "control wide": "The bounds of the A/A control differ by a factor of {value:.2f}.",
    "control unequal": "The reference did not compute the same twice: a relative error of {value:.2g}.",
    "few rounds": f"Only {{value:.0f}} rounds were measured; fewer than {FEWEST_ROUNDS} show no difference.",
    "one process": "Only 1 process measured: ratios below {value:.2f} are not claimed.",
    "speed changed": "The machine changed its speed in process {process}: from {seconds:.1f} s on, the same steps took "
    "{value:.2f} times as long.",
    "processes differ": "The slowest process took {value:.2f} times as long as the fastest.",
    "calls spread": "The middle half of one strategy's calls spreads over {value:.0%}.",
    "busy": "The load average reached {value:.1f}, which is more than there are cores.",
}
_DIGITS = 4
_CLAIMED = 1.25  # above it the least difference that is claimed is worth a word
_EXAMPLES = 3


def sentences(answer: Answer) -> list[str]:
    """The answer: what is fastest, when it pays off, and what is not shown."""
    if not answer.results:
        return ["Nothing has been measured yet."]
    if answer.is_beside_peers:
        return [_ours(result) for result in answer.results]
    if not answer.leaders:
        return ["Nothing could be compared: no reference was timed."]
    found = _single(answer.leaders[0]) if len(answer.leaders) == 1 else _several(answer)
    never = [
        label
        for label, cells in answer.verdicts.items()
        if not any(cell.counts.get(kind) for cell in cells for kind in ("reference", "faster"))
    ]
    if never and len(answer.leaders) > 1:
        found.append(f"Never shown to be faster than {answer.results[0].reference}: {listed(never)}.")
    noises = [noise for result in answer.results for noise in result.noise]
    busy, doubts = max((noise.value for noise in noises if noise.kind == "busy"), default=None), len(noises)
    if busy:
        found.append(
            f"The machine was busy, with a load average of up to {busy:.1f}: small differences are uncertain, and "
            "times are too long; measure again (benchmark.remeasure=true) when it is idle."
        )
    elif doubts:
        signs = f"{doubts} sign{'s' if doubts > 1 else ''} of a noisy machine"
        found.append(f"{signs}: small differences are uncertain.")
    return found


def text(answer: Answer) -> str:
    """The answer and its table as Markdown."""
    rows = verdict_rows(answer)
    lines = [" | ".join(row.values()) for row in rows]
    head = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])] if rows else []
    table = "\n".join(f"| {line} |" for line in head + lines)
    return "\n\n".join(part for part in (answer.question, " ".join(sentences(answer)), table) if part)


def verdict_rows(answer: Answer) -> list[Row]:
    """The table of verdicts: a row for each contestant."""
    name = "contestant" if answer.is_beside_peers else "strategy"
    fields = [field for field in varying(answer.results) if field != "compile"]
    return [
        {
            name: label,
            **{
                column: _cell(cell, fields, beside_peers=answer.is_beside_peers)
                for column, cell in zip(answer.columns, cells, strict=True)
            },
        }
        for label, cells in answer.verdicts.items()
    ]


def noise_sentence(noise: Noise) -> str:
    """A reason not to trust small differences."""
    return _NOISE[noise.kind].format(value=noise.value, process=noise.process, seconds=noise.seconds)


def wrong(results: Sequence[ShapeResult]) -> list[str]:
    """What computed something else, with its error."""
    return [
        f"{each.label}{_at(result, results)} (largest error {_error(each.largest_error or 0.0)})"
        for result in results
        for each in result.contestants
        if each.verdict == "wrong"
    ]


def control_sentence(results: Sequence[ShapeResult]) -> str:
    """What the A/A controls show."""
    if len(results) == 1 and results[0].control:
        return f"Its ratio, which should be 1: {interval(results[0].control)}."
    held = sum(holds_one(result) for result in results)
    chance = 0.05 * len(results)
    return f"Its interval holds 1 at {held} of {len(results)} shapes; by chance alone about {chance:.1f} would miss it."


def doubts(results: Sequence[ShapeResult]) -> list[str]:
    """All reasons not to trust small differences."""
    return [f"{noise_sentence(noise)}{_at(result, results)}" for result in results for noise in result.noise]


def growth_rows(results: Sequence[ShapeResult]) -> list[Row]:
    """The exponents of time, where shapes vary one size at a time."""
    return [
        {
            "strategy": found.label,
            "along": describe_shape(found.shape, [found.field]).partition(" ")[0],
            "at": describe_shape(found.shape, [field for field in SIZES if field != found.field]),
            "from": f"{found.values[0]}",
            "to": f"{found.values[-1]}",
            "exponent": f"{found.exponent.estimate:.2f} ({found.exponent.low:.2f} to {found.exponent.high:.2f})",
            "of the work": f"{WORK[found.field]}",
        }
        for found in growths(results)
    ]


def why(choice: Recommendation, reference: str, more: str) -> str:
    """Why a strategy is recommended, and what is not known.

    Args:
        choice: What is recommended.
        reference: What all others were compared with.
        more: The command that measures more.
    """
    chosen, total = choice.chosen, choice.seconds
    found = f"{choice.steps:,} steps with {chosen.label} are expected to take {seconds(total.estimate)}"
    if chosen.label == reference:
        found += ", first call included."
    else:
        bounds = f"({seconds(total.low)} to {seconds(total.high)})"
        found += f" {bounds}, first call included, against {seconds(choice.reference_seconds)} with {reference}."
    if choice.open:
        found += f" Whether {listed(choice.open)} would be faster cannot be told yet; this measures longer: {more}"
    return found


def number_rows(results: Sequence[ShapeResult]) -> list[Row]:
    """All numbers: a row for each shape and contestant; columns that would be empty are left out."""
    fields = varying(results)
    ours = all(each.is_ours for result in results for each in result.contestants)
    rows = [
        {
            **({"shape": describe_shape(result.shape, fields)} if fields else {}),
            "strategy" if ours else "contestant": each.label,
            **_numbers(each),
        }
        for result in results
        for each in result.contestants
    ]
    empty = {column for column in (rows or [{}])[0] if all(row[column] == NOTHING for row in rows)}
    hidden = empty | ({"threads", "library"} if ours else set())  # of ours these are the shape's and the machine's
    return [{column: value for column, value in row.items() if column not in hidden} for row in rows]


def control_rows(results: Sequence[ShapeResult]) -> list[Row]:
    """The A/A controls."""
    fields = varying(results) or ["compile"]
    return [
        {
            "shape": describe_shape(result.shape, fields),
            "A/A control": interval(result.control),
            "holds 1": "yes" if holds_one(result) else "no",
            "processes": f"{result.processes}",
            "rounds": f"{result.rounds}",
        }
        for result in results
        if result.control
    ]


def holds_one(result: ShapeResult) -> bool:
    """Whether the A/A control's interval holds 1."""
    return result.control is not None and result.control.low <= 1 <= result.control.high


def interval(value: Interval) -> str:
    """An estimate with its interval, such as `1.002 (0.991–1.013)`."""
    return f"{value.estimate:.3f} ({value.low:.3f}–{value.high:.3f})"


def speedup(value: Interval) -> str:
    """A ratio with its interval, such as `2.1× (1.9–2.3)`; a bound is not rounded to 1 or to the other one."""
    estimate, low, high = _rounded(value)
    return f"{estimate}× ({low}–{high})"


def listed(words: Sequence[str]) -> str:
    """Words with commas and an `and`."""
    return " and ".join(([", ".join(words[:-1])] if len(words) > 1 else []) + list(words[-1:]))


def _rounded(value: Interval) -> list[str]:
    bounds = (value.low, value.high)
    decimals = next((places for limit, places in ((0.1, 3), (2, 2), (20, 1)) if value.estimate < limit), 0)

    def misleads() -> bool:
        slipped = any(bound != 1 and round(bound, decimals) == 1 for bound in bounds)
        return slipped or (len(set(bounds)) > 1 and len({round(bound, decimals) for bound in bounds}) == 1)

    while decimals < _DIGITS and misleads():
        decimals += 1
    return [f"{number:.{decimals}f}" for number in (value.estimate, *bounds)]


def _single(leader: Leader) -> list[str]:
    """The answer at one set of sizes."""
    baseline = _variant(leader.baseline)
    if leader.verdict != "faster":
        return [f"No strategy is shown to be faster than {baseline}."]
    found = [
        f"{_variant(leader.variant)}: one training step takes {_share(leader.speedup)} of the time of {baseline}, "
        f"{seconds(leader.step_seconds)}.",
        _payoff(leader),
    ]
    if leader.others:
        # From the quickest to the slowest.
        ways = [
            f"{speedup(longer)} {condition(*variant.condition)} ({variant.label})"
            for variant, longer in sorted(leader.others, key=lambda other: other[1].estimate)
        ]
        found.append(f"The fastest otherwise takes this many times as long: {listed(ways)}.")
    if leader.rivals:
        rivals = listed([_variant(variant) for variant in leader.rivals])
        limit = f"; here a difference is claimed from {leader.least:.2f}× on" if leader.least > _CLAIMED else ""
        found.append(f"Not shown to be slower than {leader.variant.label}: {rivals}{limit}.")
    return [*found, *_how_to_train(leader.variant)]


def _how_to_train(variant: Variant) -> list[str]:
    """What a training needs to be given to run as a variant; other libraries have no such words."""
    unrolling = find_strategy(variant.label)
    if unrolling is None:
        return []
    words = [f"unroll={unrolling.strategy.name}"]
    if unrolling.option is not None:
        words.append(f"unroll.{unrolling.strategy.option}={str(unrolling.option).lower()}")
    words.append(f"trainer.compile={variant.compile}")
    if variant.shards > 1:
        words.append(f"trainer.shards={variant.shards}")
    return [f"To train with it: `{' '.join(words)}`."]


def _share(speedup: Interval) -> str:
    estimate, low, high = _rounded(speedup)
    return f"1/{estimate} (95 % interval 1/{high}–1/{low})"


def _payoff(leader: Leader) -> str:
    first = f"Its cold first call takes {seconds(leader.first_call_seconds)}"
    if not leader.break_even_steps:
        return f"{first}, no longer than that of {_variant(leader.baseline)}: it pays off at once."
    other = seconds(leader.baseline_first_call_seconds)
    return f"{first} against {other}: it pays off after {leader.break_even_steps:,.0f} steps."


def _several(answer: Answer) -> list[str]:
    """The answer over several sets of sizes: who is first where, the largest ratio, and when it pays off."""
    fields = [field for field in varying(answer.results) if field != "compile"]
    first: dict[Variant, list[Leader]] = {}
    for leader in answer.leaders:
        if leader.verdict != "undecided" and not leader.rivals:
            first.setdefault(leader.variant, []).append(leader)
    total, alone = len(answer.leaders), sum(map(len, first.values()))
    ranked = sorted(first.items(), key=lambda item: -len(item[1]))
    parts = [
        f"{_variant(variant)} at {len(own)} of {total} shapes{_examples(own, fields, total)}" for variant, own in ranked
    ]
    found = [f"Fastest: {'; '.join(parts)}."] if parts else []
    if alone < total:
        found.append(f"At {total - alone} of {total} shapes no single fastest strategy is shown.")
    faster = [leader for leader in answer.leaders if leader.verdict == "faster"]
    if not faster:
        return [*found, f"No strategy is shown to be faster than {_variant(answer.leaders[0].baseline)}."]
    best = max(faster, key=lambda leader: leader.speedup.estimate)
    found.append(
        f"The largest gain: {_variant(best.variant)} at {describe_shape(best.shape, fields)} takes "
        f"{_share(best.speedup)} of the time of {_variant(best.baseline)}."
    )
    found += _how_to_train(best.variant)
    steps = [leader.break_even_steps or 0.0 for leader in faster]
    after = dict.fromkeys(f"{value:,.0f}" for value in (min(steps), max(steps)))
    return [*found, f"The fastest pays off after {' to '.join(after)} steps."]


def _examples(leaders: Sequence[Leader], fields: Sequence[str], total: int) -> str:
    if len(leaders) in (0, total) or len(leaders) > _EXAMPLES:
        return ""
    return f" ({'; '.join(describe_shape(leader.shape, fields) for leader in leaders)})"


def _ours(result: ShapeResult) -> str:
    """Our fastest at one shape beside all others."""
    best = result.of(result.reference)
    took = seconds(best.step_seconds or 0.0) if best else NOTHING
    others = [each for each in result.contestants if not each.is_ours and each.speedup]
    quicker = [
        f"{each.label}, which takes {speedup(each.speedup.inverse)} of its time"
        for each in others
        if each.speedup and each.verdict == "faster"
    ]
    slower = sum(each.verdict == "slower" for each in others)
    level = len(others) - len(quicker) - slower
    parts = [f"is faster than {slower} of {len(others)} others"]
    if quicker:
        parts.append(f"slower than {listed(quicker)}")
    if level:
        parts.append(f"not shown to differ from {level}")
    return f"{name_of(result)}: ours, {result.reference}, takes {took} a step and {listed(parts)}."


def _cell(cell: Cell, fields: Sequence[str], *, beside_peers: bool) -> str:
    total = sum(cell.counts.values())
    parts = []
    for kind, count in cell.counts.items():
        found = VERDICTS[kind] if count == total else f"{VERDICTS[kind]} at {count} of {total}"
        extreme = cell.lowest if kind == "slower" else cell.highest
        if extreme and (kind in ("faster", "slower") or total == 1):
            ratio, shape = extreme
            found += f", {speedup(ratio.inverse if beside_peers else ratio)}"
            found += f" at {describe_shape(shape, fields)}" if total > 1 else ""
        parts.append(found)
    return "; ".join(parts)


def _variant(variant: Variant) -> str:
    return f"{variant.label} {condition(*variant.condition)}"


def _at(result: ShapeResult, results: Sequence[ShapeResult]) -> str:
    fields = varying(results)
    return f" at {describe_shape(result.shape, fields)}" if fields else ""


def _numbers(each: ContestantResult) -> Row:
    hidden = set() if each.verdict == "faster" else {"break_even_steps"}
    if each.verdict == "reference":
        hidden |= {"speedup", "forward_speedup"}
    row = {"verdict": VERDICTS[each.verdict]}
    for column, (name, form) in _COLUMNS.items():
        value = getattr(each, name)
        row[column] = NOTHING if value in (None, "") or name in hidden else form(value)
    return row


def _error(value: float) -> str:
    return f"{value:.2g}" if value < NOT_A_NUMBER else "not finite"


_COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "training step": ("step_seconds", seconds),
    "speed-up": ("speedup", speedup),
    "forward pass": ("forward_seconds", seconds),
    "forward speed-up": ("forward_speedup", speedup),
    "trace": ("trace_seconds", seconds),
    "compile": ("compile_seconds", seconds),
    "first call": ("first_call_seconds", seconds),
    "first call, compiled before": ("loaded_call_seconds", seconds),
    "pays off after": ("break_even_steps", "{:,.0f} steps".format),
    "time steps per second": ("time_steps_per_second", "{:,.0f}".format),
    "GFLOP/s": ("gflops", "{:.3g}".format),
    "share of peak": ("share_of_peak", "{:.1%}".format),
    "peak memory": ("memory_bytes", in_bytes),
    "stored by formula": ("formula_bytes", in_bytes),
    "graph nodes": ("graph_nodes", "{:,}".format),
    "graph size": ("graph_bytes", in_bytes),
    "largest error": ("largest_error", _error),
    "threads": ("threads", str),
    "library": ("version", str),
    "trouble": ("trouble", str),
}
"""Column of the table of all numbers: a field of `ContestantResult`, and how it is written."""


def facts(results: Sequence[ShapeResult]) -> Row:
    """Facts of machine and versions, each with all its values; what differs from process to process is left out."""
    found: dict[str, list[str]] = {}
    for result in results:
        for key, value in result.environment.items():
            if value not in found.setdefault(key, []):
                found[key].append(value)
    kept = {key: values for key, values in found.items() if not key.startswith(("process.", "dvc."))}
    return {key: "; ".join(values) for key, values in sorted(kept.items())}
