"""Which numbers of a benchmark are drawn in which picture; the drawing is `plots.charts`."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.grid import axis_of, describe_shape, labels, panels, shared, values_of, varying
from echo_rnn.benchmark.report.results import ContestantResult, Interval, ShapeResult
from echo_rnn.core.strategies import find_strategy
from echo_rnn.plots import charts
from echo_rnn.plots.charts import Contestant, Facet, Group, Span

CHALLENGER = "static"
AXES = {
    "window": "window T [time steps]",
    "layers": "layers L",
    "units": "units S of a layer",
    "batch_size": "batch size B",
}
_MOST_OVERVIEW = 4
_MOST_PAYOFF = 6
_SPEEDUP = f"speed-up over {REFERENCE}"
_PEERS = "time of a training step over that of our fastest; bars are 95 % intervals"

Results = Sequence[ShapeResult]


class Picture(NamedTuple):
    """One kind of picture.

    Attributes:
        name: Of its file, without the suffix.
        title: What it shows.
        reading: How to read it.
        draw: Draws it; `None` where there is nothing to draw.
    """

    name: str
    title: str
    reading: str
    draw: Callable[[Results], Figure | None]


def overview(results: Results) -> Figure | None:
    """All strategies ranked; of at most four shapes, since other pictures suit more."""
    having = [result for result in results if result.contestants]
    if not 1 <= len(having) <= _MOST_OVERVIEW:
        return None
    fields = varying(having)
    groups = [_group(result, describe_shape(result.shape, fields), result.contestants) for result in having]
    return charts.overview(groups, shared(having), REFERENCE)


def speedup(results: Results) -> Figure | None:
    """Speed-up along the size that varies most, mostly T; one panel for all else that varies."""
    field = axis_of(results)
    others = [label for label in labels(results) if label != REFERENCE and _timed(results, label)]
    if field is None or not others:
        return None
    facets = [
        Facet(
            panel.title,
            {label: _speedups(panel.results, label, field) for label in others},
            {_size(each, field): _span(each.control) for each in panel.results if each.control},
        )
        for panel in panels(results, field)
    ]
    return charts.ratio_lines(facets, shared(results), AXES[field], _SPEEDUP)


def crossover(results: Results) -> Figure | None:
    """The winner of static and dynamic for each S and B; one map for each T and all else that varies."""
    both = [result for result in results if result.of(CHALLENGER) and result.of(REFERENCE)]
    if not both or not {"units", "batch_size"} & set(varying(both)):
        return None
    maps = {
        panel.title: {
            (each.shape.units, each.shape.batch_size): _contestant(own)
            for each in panel.results
            if (own := each.of(CHALLENGER))
        }
        for panel in panels(both, "units", "batch_size")
    }
    return charts.winner_map(maps, shared(both), (AXES["units"], AXES["batch_size"]), REFERENCE, CHALLENGER)


def payoff(results: Results) -> Figure | None:
    """First call against steady state; of many shapes at most six, spread over the sweep."""
    timed = [(result, [each for each in result.contestants if each.step_seconds is not None]) for result in results]
    # The reference comes first in a group, and is alone in none.
    ranked = {result.shape: sorted(own, key=lambda each: each.label != REFERENCE) for result, own in timed}
    shown = [result for result in results if len(own := ranked[result.shape]) > 1 and own[0].label == REFERENCE]
    if not shown:
        return None
    chosen = _choice(shown)
    fields = varying(chosen)
    groups = [_group(result, describe_shape(result.shape, fields), ranked[result.shape]) for result in chosen]
    return charts.payoff(groups, shared(chosen), REFERENCE)


def unroll_factor(results: Results) -> Figure | None:
    """Speed-up of partial<k> over dynamic against k; a line for each T, from dynamic (k = 1) to static (k = T)."""
    having = [
        result for result in results if any(factor_of(label) and _timed([result], label) for label in labels([result]))
    ]
    if not having:
        return None
    ends = ("dynamic (k = 1)", "static (k = T)")
    facets = []
    for panel in panels(having, "window"):
        lines = {f"T = {result.shape.window}": _by_factor(result) for result in panel.results}
        last = {result.shape.window for result in panel.results}
        marks: dict[str, dict[float, float]] = {end: {} for end in ends}
        for points in lines.values():
            for k, span in points.items():
                if k == 1 or (k in last and k == max(points)):
                    marks[ends[k != 1]][k] = span.estimate
        facets.append(Facet(panel.title, lines, marks=marks))
    return charts.ratio_lines(facets, shared(having), "unrolled steps k", _SPEEDUP, ends=ends)


def memory(results: Results) -> Figure | None:
    """Measured peak memory and the formula along the size that varies most."""
    field = axis_of(results)
    measured = [
        label
        for label in labels(results)
        if any((own := each.of(label)) and own.memory_bytes is not None for each in results)
    ]
    if field is None or not measured:
        return None
    facets = [
        Facet(
            panel.title,
            {label: _values(panel.results, label, field, lambda each: each.formula_bytes) for label in measured},
            marks={
                label: _values(panel.results, label, field, lambda each: each.memory_bytes, zero=True)
                for label in measured
            },
        )
        for panel in panels(results, field)
    ]
    return charts.memory_lines(facets, shared(results), AXES[field])


def preparation(results: Results) -> Figure | None:
    """Trace time, compile time and graph size along T or L, a line for each strategy and each S and B."""
    field = axis_of(results, ("window", "layers"))
    if field is None:
        return None
    columns: dict[str, Callable[[ContestantResult], float | None]] = {
        "Tracing: Python to graph [s]": lambda each: each.trace_seconds,
        "Compiling: graph to executable [s]": lambda each: each.compile_seconds,
        "Size of the graph [operations]": lambda each: each.graph_nodes,
    }
    rows = []
    for group in panels(results, field, "units", "batch_size"):
        facets = [
            Facet(
                title,
                {
                    f"{label}/{line.title}": _values(line.results, label, field, value)
                    for line in panels(group.results, field)
                    for label in labels(results)
                },
            )
            for title, value in columns.items()
        ]
        rows.append((group.title, facets))
    lines = values_of(results, "units", "batch_size")
    return charts.preparation_lines(rows, shared(results) + (lines and f"; a line for each of {lines}"), AXES[field])


def beside_peers(results: Results) -> Figure:
    """Ours beside others: a panel for each shape."""
    groups = [
        _group(result, comparison_name(result), [each for each in result.contestants if each.speedup])
        for result in results
    ]
    return charts.beside_peers(groups, _PEERS)


def comparison_name(result: ShapeResult) -> str:
    """What was compared, with the shape in the letters of the axes."""
    letters = describe_shape(result.shape, ("layers", "units", "batch_size", "window"))
    return f"whole process of {result.trained}, {letters}" if result.trained else letters


def factor_of(label: str) -> int | None:
    """K of `partial<k>`."""
    found = find_strategy(label)
    return found.option if found and found.strategy.name == "partial" else None


def _choice(results: Results) -> Results:
    """At most `_MOST_PAYOFF` shapes: from each panel of the sweep the middle one, and those spread evenly."""
    field = axis_of(results) if len(results) > _MOST_PAYOFF else None
    groups = [panel.results for panel in panels(results, field)] if field else [[each] for each in results]
    middle = [group[len(group) // 2] for group in groups]
    if len(middle) <= _MOST_PAYOFF:
        return middle
    return [middle[round(place * (len(middle) - 1) / (_MOST_PAYOFF - 1))] for place in range(_MOST_PAYOFF)]


def _group(result: ShapeResult, title: str, contestants: Sequence[ContestantResult]) -> Group:
    control = _span(result.control) if result.control else Span(1, 1, 1)
    return Group(title, [_contestant(each) for each in contestants], control)


def _contestant(each: ContestantResult) -> Contestant:
    pays = each.break_even_steps
    return Contestant(
        label=each.label,
        verdict=each.verdict,
        speedup=_span(each.speedup) if each.speedup else None,
        step=each.step_seconds,
        trace=each.trace_seconds or 0.0,
        compile=each.compile_seconds or 0.0,
        first=each.first_call_seconds or 0.0,
        crossing=pays if pays is not None and pays > 1 and each.label != REFERENCE else None,
        is_ours=each.is_ours,
    )


def _by_factor(result: ShapeResult) -> dict[float, Span]:
    """Speed-ups by k; dynamic is k = 1 and static is k = T, as is every larger k."""
    window = result.shape.window
    timed = {each.label: _span(each.speedup) for each in result.contestants if each.speedup}
    found = {k: span for label, span in timed.items() if (k := factor_of(label)) is not None and k <= window}
    found |= {k: timed[end] for end, k in ((REFERENCE, 1), (CHALLENGER, window)) if end in timed}
    return {float(k): found[k] for k in sorted(found)}


def _speedups(results: Results, label: str, field: str) -> dict[float, Span]:
    found = {_size(each, field): each.of(label) for each in results}
    return {x: _span(own.speedup) for x, own in found.items() if own and own.speedup}


def _values(
    results: Results,
    label: str,
    field: str,
    value: Callable[[ContestantResult], float | None],
    *,
    zero: bool = False,
) -> dict[float, float]:
    """Numbers of one strategy along a size; a logarithmic axis has no 0, except where it is drawn elsewhere."""
    found = {_size(each, field): value(own) for each in results if (own := each.of(label))}
    return {x: number for x, number in found.items() if number is not None and (number > 0 or zero)}


def _timed(results: Results, label: str) -> bool:
    return any((own := each.of(label)) and own.speedup for each in results)


def _size(result: ShapeResult, field: str) -> float:
    return float(getattr(result.shape, field))


def _span(interval: Interval) -> Span:
    return Span(interval.estimate, interval.low, interval.high)


PICTURES = (
    Picture(
        "overview",
        "All strategies side by side",
        "Left: time of a training step (forward, backward, update). Middle: speed-up over dynamic with its 95 % "
        "interval; the grey band is dynamic measured twice. Right: what the first call is made of. All shapes have the "
        "same axes.",
        overview,
    ),
    Picture(
        "speedup",
        "Speed-up over dynamic",
        "Above the black line a strategy is faster than dynamic. Bars are 95 % intervals; the grey band is dynamic "
        "measured twice: within it is noise. Lines are shifted a little sideways so that their bars stay visible.",
        speedup,
    ),
    Picture(
        "crossover",
        "Static or dynamic: where the winner changes",
        "Each cell is one shape: the faster of the two, how many times faster it is, and the 95 % interval. Dark: "
        "twice or more. Hatched: no difference shown.",
        crossover,
    ),
    Picture(
        "payoff",
        "First call against steady state",
        "Speed-up over dynamic of a whole run, its first call (trace, compile, one step) included, against its number "
        "of training steps. A ring: here the strategy has caught up. Upper edge: how long dynamic takes. Of a large "
        "sweep some shapes are shown.",
        payoff,
    ),
    Picture(
        "unroll_factor",
        "How far to unroll",
        "Speed-up of partial<k> over dynamic, with 95 % intervals, against the number k of time steps in the body of "
        "the loop. The ends are dynamic (k = 1) and static (k = T).",
        unroll_factor,
    ),
    Picture(
        "memory",
        "Peak memory",
        "Marks: by how much training steps raised the peak memory of a process that ran only this strategy; 0 is drawn "
        "at one page, 4 KiB. Lines: stored activations by formula. Marks far above their line: the libraries' own need "
        "is larger.",
        memory,
    ),
    Picture(
        "preparation",
        "Before the first step: trace, compile, graph",
        "Time to trace the Python code, time to compile the graph, and its operations; a line for each number of units "
        "and batch size.",
        preparation,
    ),
)
"""Every picture of a benchmark, in the order in which a report shows them."""
