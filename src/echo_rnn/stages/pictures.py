"""Which numbers of a benchmark are drawn in which picture; the drawing is `plots.charts`."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.grid import axis_of, describe_shape, name_of, panels, shared, varying
from echo_rnn.benchmark.report.results import ContestantResult, Interval, ShapeResult
from echo_rnn.core.strategies import find_strategy
from echo_rnn.plots import charts
from echo_rnn.plots.charts import Facet, Group, Points, Row, Span
from echo_rnn.units import seconds

CHALLENGER = "static"
PAGE = 4096
"""Bytes; a process cannot need less than a page more, so a measured 0 is drawn there."""
AXES = {
    "window": "window T [time steps]",
    "layers": "layers L",
    "units": "units S of a layer",
    "batch_size": "batch size B",
}
_MOST_OVERVIEW = 4
_MIB = 2**20
_SPEEDUP = f"speed-up over {REFERENCE}"
_PEERS = "time of a training step over that of our fastest; bars are 95 % intervals"

Results = Sequence[ShapeResult]


class PictureKind(NamedTuple):
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
    groups = []
    for result in having:
        ranked = sorted(result.contestants, key=lambda each: (each.step_seconds is None, each.step_seconds))
        rows = [Row(_timed(each), each.verdict, _span(each.speedup), _first_call(each)) for each in ranked]
        groups.append(Group(describe_shape(result.shape, varying(having)), rows, _span(result.control)))
    return charts.ranking(groups, shared(having), _SPEEDUP, "first call [s]")


def speedup(results: Results) -> Figure | None:
    """Speed-up along the size that varies most, mostly T; one panel for all else that varies."""
    field = axis_of(results)
    if field is None:
        return None
    facets = [
        Facet(
            panel.title,
            _lines(panel.results, field, lambda each: _span(each.speedup) if each.label != REFERENCE else None),
            {_size(each, field): span for each in panel.results if (span := _span(each.control))},
        )
        for panel in panels(results, field)
    ]
    return _drawn(facets, results, (AXES[field], _SPEEDUP), ratios=True)


def unroll_factor(results: Results) -> Figure | None:
    """Speed-up of partial<k> over dynamic against k; a line for each T, from dynamic (k = 1) to static (k = T)."""
    having = [result for result in results if any(_factor(each.label) and each.speedup for each in result.contestants)]
    facets = [
        Facet(panel.title, {f"T = {result.shape.window}": _by_factor(result) for result in panel.results})
        for panel in panels(having, "window")
    ]
    return _drawn(facets, having, ("unrolled steps k", _SPEEDUP), ratios=True)


def memory(results: Results) -> Figure | None:
    """Measured peak memory and the formula along the size that varies most."""
    field = axis_of(results)
    if field is None or all(each.memory_bytes is None for result in results for each in result.contestants):
        return None
    measured = {each.label for result in results for each in result.contestants if each.memory_bytes is not None}

    def formula(each: ContestantResult) -> Span | None:
        return (each.formula_bytes / _MIB,) if each.label in measured and each.formula_bytes else None

    def peak(each: ContestantResult) -> Span | None:
        return None if each.memory_bytes is None else (max(each.memory_bytes, PAGE) / _MIB,)

    facets = [
        Facet(panel.title, _lines(panel.results, field, formula), marks=_lines(panel.results, field, peak))
        for panel in panels(results, field)
    ]
    return _drawn(facets, results, (AXES[field], "peak memory [MiB]"), kinds=("formula", "measured"))


def first_call(results: Results) -> Figure | None:
    """Trace, compile and one step along T or L."""
    field = axis_of(results, ("window", "layers"))
    if field is None:
        return None

    def value(each: ContestantResult) -> Span | None:
        return (each.first_call_seconds,) if each.first_call_seconds else None

    facets = [Facet(panel.title, _lines(panel.results, field, value)) for panel in panels(results, field)]
    return _drawn(facets, results, (AXES[field], "first call [s]"))


def beside_peers(results: Results) -> Figure:
    """Ours beside others: a panel for each shape."""
    groups = [
        Group(
            name_of(result),
            [
                Row(_timed(each), each.verdict, _span(each.speedup.inverse))
                for each in result.contestants
                if each.speedup
            ],
        )
        for result in results
    ]
    return charts.ranking(groups, "", _PEERS)


def _drawn(
    facets: Sequence[Facet],
    results: Results,
    names: tuple[str, str],
    *,
    ratios: bool = False,
    kinds: tuple[str, str] | None = None,
) -> Figure | None:
    filled = [facet for facet in facets if facet.lines or facet.marks]
    return charts.lines(filled, shared(results), names, ratios=ratios, kinds=kinds) if filled else None


def _lines(results: Results, field: str, value: Callable[[ContestantResult], Span | None]) -> dict[str, Points]:
    """A number of each contestant along a size, where it is known."""
    found: dict[str, dict[float, Span]] = {}
    for result in results:
        for each in result.contestants:
            if (own := value(each)) is not None:
                found.setdefault(each.label, {})[_size(result, field)] = own
    return dict(found)


def _by_factor(result: ShapeResult) -> Points:
    """Speed-ups by k; dynamic is k = 1 and static is k = T, as is every larger k."""
    window = result.shape.window
    found: dict[float, Span] = {}
    for each in result.contestants:
        k = {REFERENCE: 1, CHALLENGER: window}.get(each.label, _factor(each.label))
        if (span := _span(each.speedup)) and k is not None and (k < window or each.label == CHALLENGER):
            found[k] = span
    return dict(sorted(found.items()))


def _factor(label: str) -> int | None:
    """The k of `partial<k>`."""
    found = find_strategy(label)
    return found.option if found and found.strategy.name == "partial" else None


def _timed(each: ContestantResult) -> str:
    return f"{each.label}  {seconds(each.step_seconds)}" if each.step_seconds else f"{each.label}  {each.verdict}"


def _first_call(each: ContestantResult) -> dict[str, float]:
    trace, compiling = each.trace_seconds or 0.0, each.compile_seconds or 0.0
    return {
        "trace": trace,
        "compile": compiling,
        "one step": max((each.first_call_seconds or 0.0) - trace - compiling, 0.0),
    }


def _size(result: ShapeResult, field: str) -> float:
    return float(getattr(result.shape, field))


def _span(interval: Interval | None) -> Span | None:
    return (interval.estimate, interval.low, interval.high) if interval else None


PICTURES = (
    PictureKind(
        "overview",
        "All strategies side by side",
        "Beside each name: the time of a training step (forward, backward, update). Left: speed-up over dynamic with "
        "its 95 % interval; the grey band is dynamic measured twice. Right: what the first call is made of.",
        overview,
    ),
    PictureKind(
        "speedup",
        "Speed-up over dynamic",
        "Above the black line a strategy is faster than dynamic. Bars are 95 % intervals; the grey band is dynamic "
        "measured twice: within it is noise. Lines are shifted a little sideways so that their bars stay visible.",
        speedup,
    ),
    PictureKind(
        "unroll_factor",
        "How far to unroll",
        "Speed-up of partial<k> over dynamic, with 95 % intervals, against the number k of time steps in the body of "
        "the loop. The ends are dynamic (k = 1) and static (k = T).",
        unroll_factor,
    ),
    PictureKind(
        "memory",
        "Peak memory",
        "Marks: by how much training steps raised the peak memory of a process that ran only this strategy; 0 is drawn "
        "at one page, 4 KiB. Lines: stored activations by formula. Marks far above their line: the libraries' own need "
        "is larger.",
        memory,
    ),
    PictureKind(
        "first_call",
        "Before the first step",
        "A cold first call traces the Python code, compiles the graph and runs one step. The table below has its "
        "parts, the size of the graph, and the first call of a process that loads what was compiled before, as a rule "
        "measured while another one got ready.",
        first_call,
    ),
)
"""Every picture of a benchmark, in the order in which a report shows them."""

BESIDE_PEERS = PictureKind("peers", "Ours beside others", "Left of the line is faster than our fastest.", beside_peers)
