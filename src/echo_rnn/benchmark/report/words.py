"""What results say in plain words and tables; nothing is claimed that a verdict does not hold."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields

from echo_rnn.benchmark.measure.records import NOT_A_NUMBER, REFERENCE
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.results import Interval, ShapeResult, StrategyResult

_SYMBOLS = {"layers": "L", "units": "S", "batch_size": "B", "window": "T", "inputs": "I"}
_UNROLLED = "static"
_EXAMPLES = 3
_DIGITS = 4
_RELATION = {"faster": "faster", "slower": "slower", "no difference shown": "not shown to differ"}


def summary(results: Sequence[ShapeResult]) -> str:
    """What won where, by how much, at what price, and how far to trust it; an empty line between paragraphs."""
    if not results:
        return "Nothing has been measured yet."
    varying = _varying(results)
    paragraphs = [
        [_measured(results)],
        [*_winners(results, varying), *_rankings(results, varying)],
        _crossover(results, varying),
        _prices(results),
        _mistakes(results, varying),
        _trust(results, varying),
    ]
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs if sentences)


def table(results: Sequence[ShapeResult]) -> list[dict[str, str]]:
    """A row for each shape and strategy: column to text with units, `–` where there is no number."""
    return [_row(result, strategy, _varying(results)) for result in results for strategy in result.strategies]


def recommendation(result: ShapeResult, steps: int | None = None) -> tuple[str, str]:
    """The strategy to use at a shape, and why.

    Args:
        result: What was measured there.
        steps: Training steps that are planned; then the whole time, first call included, decides.
    """
    right = [strategy for strategy in result.strategies if strategy.step_seconds is not None]
    faster = [strategy for strategy in right if strategy.verdict == "faster"]
    level = [strategy for strategy in right if strategy.verdict in ("reference", "no difference shown")]
    if steps is not None:
        return _for_steps(right, result, steps)
    if not faster:
        chosen = min(level, key=lambda strategy: strategy.first_call_seconds)
        return chosen.label, _none_faster(chosen, level)
    leaders = _leaders(faster)
    chosen = min(leaders, key=lambda strategy: strategy.first_call_seconds)
    assert chosen.speedup is not None
    why = f"A training step of {chosen.label} is faster than one of {REFERENCE}, {speedup(chosen.speedup)}."
    others = [strategy.label for strategy in leaders if strategy is not chosen]
    if others:
        why += (
            f" Its interval and that of {_listed(others)} overlap; its first call is the shortest of them, "
            f"{seconds(chosen.first_call_seconds)}."
        )
    return chosen.label, why


def seconds(value: float) -> str:
    """A time with three digits and its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= 0.9995 * size:
            return f"{_three(value / size)} {unit}"
    return f"{_three(value * 1e9)} ns"


def speedup(interval: Interval) -> str:
    """A ratio with its interval, such as `2.1× (1.9–2.3)`; a bound is not rounded to 1 or to the other one."""
    bounds = (interval.low, interval.high)
    decimals = next((places for limit, places in ((0.1, 3), (2, 2), (20, 1)) if interval.estimate < limit), 0)

    def misleads() -> bool:
        slipped = any(bound != 1 and round(bound, decimals) == 1 for bound in bounds)
        return slipped or (len(set(bounds)) > 1 and len({round(bound, decimals) for bound in bounds}) == 1)

    while decimals < _DIGITS and misleads():
        decimals += 1
    estimate, low, high = (f"{value:.{decimals}f}" for value in (interval.estimate, *bounds))
    return f"{estimate}× ({low}–{high})"


def _three(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _bytes(value: float) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(value) >= size:
            return f"{_three(value / size)} {unit}"
    return f"{value:.0f} B"


def _varying(results: Sequence[ShapeResult]) -> list[str]:
    """Fields of the shapes that are not the same everywhere."""
    names = [field.name for field in fields(Shape)]
    return [name for name in names if len({getattr(result.shape, name) for result in results}) > 1]


def _named(shape: Shape, names: Iterable[str]) -> str:
    return ", ".join(
        f"{_SYMBOLS[name]}={getattr(shape, name)}" if name in _SYMBOLS else _word(shape, name) for name in names
    )


def _word(shape: Shape, name: str) -> str:
    if name == "compile":
        return f"compile={shape.compile}"
    value = getattr(shape, name)
    return f"{value} threads" if name == "threads" else str(value)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(([", ".join(words[:-1])] if len(words) > 1 else []) + list(words[-1:]))


def _counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _range(values: Iterable[int]) -> str:
    low, *_, high = sorted({*values}) * 2
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _labels(results: Sequence[ShapeResult]) -> list[str]:
    return list(dict.fromkeys(strategy.label for result in results for strategy in result.strategies))


def _measured(results: Sequence[ShapeResult]) -> str:
    varying = _varying(results)
    same = [field.name for field in fields(Shape) if field.name not in varying]
    grid = "; ".join(
        f"{_SYMBOLS.get(name, name)} {', '.join(str(v) for v in sorted({getattr(r.shape, name) for r in results}))}"
        for name in varying
    )
    others = len([label for label in _labels(results) if label != REFERENCE])
    compared = f" and {_counted(others, 'other strategy', 'other strategies')}" if others else ""
    where = _named(results[0].shape, same) + (f"; {grid}" if grid else "")
    processes, rounds = ({getattr(result, name) for result in results} for name in ("processes", "rounds"))
    return (
        f"Training steps of {REFERENCE}{compared} were timed at {_counted(len(results), 'shape')} ({where}), "
        f"{_range(processes)} {'process' if processes == {1} else 'processes'} and {_range(rounds)} rounds a shape. "
        f"A ratio is the time of {REFERENCE} over a strategy's own, with its 95 % interval."
    )


def _winners(results: Sequence[ShapeResult], varying: Sequence[str]) -> list[str]:
    """Where the interval of one strategy lies above those of all others."""
    won: dict[str, list[ShapeResult]] = {}
    for result in results:
        winner = _winner(result)
        if winner is not None:
            won.setdefault(winner, []).append(result)
    compared = max(len([own for own in result.strategies if own.verdict != "wrong"]) for result in results)
    if compared < 3:
        return []
    if not won:
        return [f"Which strategy is first cannot be told{'' if len(results) == 1 else ' at any shape'}."]
    if len(results) == 1:
        return [f"Fastest of all, by an interval above all others: {next(iter(won))}."]
    parts = [f"{label} at {_examples(of, varying)}" for label, of in won.items()]
    left = len(results) - sum(map(len, won.values()))
    tied = f"; at {_counted(left, 'shape')} the first cannot be told apart" if left else ""
    return [f"Fastest of all, by an interval above all others: {'; '.join(parts)}{tied}."]


def _winner(result: ShapeResult) -> str | None:
    for own in result.strategies:
        others = [other.speedup for other in result.strategies if other is not own and other.speedup is not None]
        beats_reference = own.verdict == "faster" or (
            own.verdict == "reference" and all(other.verdict != "no difference shown" for other in result.strategies)
        )
        if beats_reference and own.speedup and all(own.speedup.low > other.high for other in others):
            return own.label
    return None


def _rankings(results: Sequence[ShapeResult], varying: Sequence[str]) -> list[str]:
    labels = [label for label in _labels(results) if label != REFERENCE]
    return [sentence for label in labels if (sentence := _ranking(label, results, varying))]


def _ranking(label: str, results: Sequence[ShapeResult], varying: Sequence[str]) -> str:
    """How one strategy compares with the reference."""
    single = len(results) == 1
    found = [(result, own, own.speedup) for result in results if (own := result.of(label)) and own.speedup]
    parts = []
    for verdict, superlative, best in (("faster", "at best", max), ("slower", "at worst", min)):
        of = [(result, interval) for result, own, interval in found if own.verdict == verdict]
        if of:
            result, interval = best(of, key=lambda pair: pair[1].estimate)
            extreme = f"{superlative} {speedup(interval)} at {_named(result.shape, varying)}"
            where = f", {speedup(interval)}" if single else f" at {_counted(len(of), 'shape')} ({extreme})"
            parts.append(f"is {verdict} than {REFERENCE}{where}")
    level = [interval for _, own, interval in found if own.verdict == "no difference shown"]
    if level:
        where = f", {speedup(level[0])}" if single else f" at {_counted(len(level), 'shape')}"
        parts.append(f"shows no difference from {REFERENCE}{where}")
    return f"{label} {_listed(parts)}." if parts else ""


def _crossover(results: Sequence[ShapeResult], varying: Sequence[str]) -> list[str]:
    """Where the unrolled graph beats the loop, by all that varies: shapes that agree stand together."""
    groups: dict[str, list[tuple[int, str]]] = {}
    others = [name for name in varying if name != "window"]
    for result in results:
        own = result.of(_UNROLLED)
        if own is not None and own.verdict != "wrong":
            groups.setdefault(_named(result.shape, others), []).append((result.shape.window, own.verdict))
    if len(results) < 2 or not groups:
        return []
    patterns: dict[str, list[str]] = {}
    for where, verdicts in groups.items():
        patterns.setdefault(_pattern(sorted(verdicts)), []).append(f"({where})")
    lines = [
        f"{f'at {_listed(where)} ' if others else ''}{_UNROLLED} is {pattern}" for pattern, where in patterns.items()
    ]
    both = {"faster", "slower"} <= {verdict for verdicts in groups.values() for _, verdict in verdicts}
    title = f"{'The' if both else 'No'} crossover of {_UNROLLED} and {REFERENCE}{'' if both else ' is shown'}"
    return [f"{title}: {'; '.join(lines)}."]


def _pattern(verdicts: Sequence[tuple[int, str]]) -> str:
    runs: list[tuple[str, list[int]]] = []
    for window, verdict in verdicts:
        if runs and runs[-1][0] == verdict:
            runs[-1][1].append(window)
        else:
            runs.append((verdict, [window]))
    return ", ".join(f"{_RELATION[verdict]} at T={_range(windows)}" for verdict, windows in runs)


def _prices(results: Sequence[ShapeResult]) -> list[str]:
    """What the first call of each strategy costs where it is faster, and when that is paid off."""
    found = []
    for label in _labels(results):
        pairs = [(result, own) for result in results if (own := result.of(label)) and own.verdict == "faster"]
        first = [own.first_call_seconds for _, own in pairs]
        reference = [ref.first_call_seconds for result, _ in pairs if (ref := result.of(REFERENCE))]
        pays = [own.break_even_steps for _, own in pairs if own.break_even_steps]
        if pays:
            low, high = (f"{value:,.0f}" for value in (min(pays), max(pays)))
            after = f"{low if low == high else f'{low} to {high}'} steps"
            where = "" if len(pairs) == len(results) == 1 else f" at {_counted(len(pays), 'shape')}"
            found.append(
                f"Where {label} is faster, its first call (trace, compile, one step) takes {_span(first)} against "
                f"{_span(reference)} of {REFERENCE}; that is paid off{where} after {after}."
            )
    return found


def _span(values: Sequence[float]) -> str:
    low, high = seconds(min(values)), seconds(max(values))
    return low if low == high else f"{low} to {high}"


def _mistakes(results: Sequence[ShapeResult], varying: Sequence[str]) -> list[str]:
    found = []
    for label in _labels(results):
        of = [(r, own) for r in results if (own := r.of(label)) and own.verdict == "wrong"]
        if of:
            error = max(own.largest_error for _, own in of)
            size = f"largest relative error {error:.2g}" if error < NOT_A_NUMBER else "not even finite"
            where = "" if len(results) == 1 else f" at {_examples([r for r, _ in of], varying)}"
            found.append(
                f"{label} is wrong{where}: it computes something else than {REFERENCE} ({size}) and is not ranked."
            )
    return found


def _examples(results: Sequence[ShapeResult], varying: Sequence[str]) -> str:
    named = [f"({_named(result.shape, varying)})" for result in results]
    more = len(named) - _EXAMPLES
    return _listed(named if more <= 0 else [*named[:_EXAMPLES], _counted(more, "more shape")])


def _trust(results: Sequence[ShapeResult], varying: Sequence[str]) -> list[str]:
    holds = sum(result.control.low <= 1 <= result.control.high for result in results)
    if len(results) == 1:
        found = [f"The A/A control, {REFERENCE} against itself, is {speedup(results[0].control)}."]
    else:
        widest = max(results, key=lambda result: result.control.high / result.control.low)
        found = [
            f"The A/A control, {REFERENCE} against itself, holds 1 at {holds} of {len(results)} shapes; its widest "
            f"interval is {speedup(widest.control)}, at {_named(widest.shape, varying)}."
        ]
    kinds: dict[str, dict[Shape, str]] = {}
    for result in results:
        for sentence in result.noise:
            kinds.setdefault(re.sub(r"[\d.,–()]+", "#", sentence), {}).setdefault(result.shape, sentence)
    if not kinds:
        return [*found, "No other sign of noise was seen."]
    for of in kinds.values():
        shape, sentence = next(iter(of.items()))
        seen = f" ({len(of)} of {len(results)} shapes, this at {_named(shape, varying)})" if len(results) > 1 else ""
        found.append(f"{sentence.removesuffix('.')}{seen}.")
    return found


def _leaders(faster: Sequence[StrategyResult]) -> list[StrategyResult]:
    """The fastest by estimate, and all whose intervals overlap its own."""
    of = [(own, own.speedup) for own in faster if own.speedup]
    best = max((interval for _, interval in of), key=lambda interval: interval.estimate)
    return [own for own, interval in of if interval.high >= best.low]


def _none_faster(chosen: StrategyResult, level: Sequence[StrategyResult]) -> str:
    others = [strategy.label for strategy in level if strategy is not chosen]
    first = f"its first call takes {seconds(chosen.first_call_seconds)}"
    if not others:
        return f"No strategy that was measured is shown to be faster than {REFERENCE}; {first}."
    return (
        f"No strategy that was measured is shown to be faster than {REFERENCE}. No difference is shown between "
        f"{chosen.label} and {_listed(others)}; {first}, the shortest of them."
    )


def _for_steps(right: Sequence[StrategyResult], result: ShapeResult, steps: int) -> tuple[str, str]:
    reference = result.of(REFERENCE)
    assert reference is not None

    def total(strategy: StrategyResult) -> float:
        # A difference that is not shown is not counted on.
        known = strategy if strategy.verdict in ("faster", "slower") else reference
        return strategy.first_call_seconds + max(0, steps - 1) * (known.step_seconds or 0.0)

    chosen = min(right, key=total)
    why = f"{_counted(steps, 'step')} take {chosen.label} {seconds(total(chosen))} in all, first call included"
    return (
        chosen.label,
        f"{why}, against {seconds(total(reference))} of {REFERENCE}." if chosen != reference else f"{why}.",
    )


def _row(result: ShapeResult, own: StrategyResult, varying: Sequence[str]) -> dict[str, str]:
    def shown(value: float | None, form: str = "{:,.0f}") -> str:
        return "–" if value is None else form.format(value)

    def time(value: float | None) -> str:
        return "–" if value is None else seconds(value)

    def ratio(interval: Interval | None) -> str:
        return "–" if interval is None or own.verdict == "reference" else speedup(interval)

    return {
        **({"shape": _named(result.shape, varying)} if varying else {}),
        "strategy": own.label,
        "verdict": own.verdict,
        "training step": time(own.step_seconds),
        "speed-up": ratio(own.speedup),
        "forward pass": time(own.forward_seconds),
        "forward speed-up": ratio(own.forward_speedup),
        "trace": time(own.trace_seconds),
        "compile": time(own.compile_seconds),
        "first call": time(own.first_call_seconds),
        "pays off after": shown(own.break_even_steps, "{:,.0f} steps") if own.verdict == "faster" else "–",
        "time steps per second": shown(own.time_steps_per_second),
        "GFLOP/s": shown(own.gflops, "{:.3g}"),
        "share of peak": shown(own.share_of_peak, "{:.1%}"),
        "peak memory": "–" if own.memory_bytes is None else _bytes(own.memory_bytes),
        "stored by formula": _bytes(own.formula_bytes),
        "graph nodes": f"{own.graph_nodes:,}",
        "graph size": _bytes(own.graph_bytes),
        "largest error": f"{own.largest_error:.1e}" if own.largest_error < NOT_A_NUMBER else "not finite",
    }
