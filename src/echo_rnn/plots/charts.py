"""Charts of a comparison: finished numbers in, figures out. What is shown of which measurement is decided elsewhere.

A contestant looks the same in all charts and is told apart by marker and dashes as well as by colour.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from echo_rnn.plots import axes as scales
from echo_rnn.plots import style
from echo_rnn.plots.looks import legend, looks, ordered, shorten
from echo_rnn.plots.style import BLUE, FAINT, INK, MUTED, ORANGE, SKY, VERMILLION, Look

CONTROL = "A/A control"
NO_DIFFERENCE = "no difference"
PAGE = 4096
"""Bytes; a process cannot need less than a page more, so a measured 0 is drawn there."""

_MIB = 2**20
_DURATIONS = {"1 s": 1, "10 s": 10, "1 min": 60, "10 min": 600, "1 h": 3600, "10 h": 36000}
_STEPS = 100_000  # at least so many are shown
_LINE = 0.24  # inches for each contestant
_LARGE = 2
_FASTER, _SLOWER = ("#cfe6f5", "#56b4e9"), ("#fbe3c0", "#e69f00")  # a smaller and a larger factor
_UNDECIDED: Look = {"facecolor": "white", "hatch": "////", "edgecolor": FAINT, "linewidth": 0.8}
_COMPILE: Look = {"facecolor": "white", "edgecolor": INK, "hatch": "////", "linewidth": 0.6}
_FIRST: Look = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgecolor": INK}
_LAST: Look = {"marker": "s", "markersize": 10, "markerfacecolor": "none", "markeredgecolor": INK}
_RING: Look = {**_FIRST, "markersize": 8, "markeredgewidth": 1.5}
_BAR: Look = {"markersize": 6, "capsize": 3, "elinewidth": 1.4, "linestyle": ""}
_MARKS: dict[str, Look] = {
    "faster": {"marker": "o", "color": BLUE},
    "slower": {"marker": "s", "color": VERMILLION},
    "undecided": {"marker": "D", "color": MUTED, "markerfacecolor": "white"},
    "reference": {"marker": "|", "color": INK, "markersize": 14},
}
_MEANING = {"faster": "faster", "slower": "slower", "undecided": "no difference shown"}


class Span(NamedTuple):
    """A number with its interval."""

    estimate: float
    low: float
    high: float


class Facet(NamedTuple):
    """One panel of lines.

    Attributes:
        title: What sets it apart from the others.
        lines: By label: x and y of each point; y is a number, or one with its interval.
        band: By x: what counts as no difference.
        marks: By label, as `lines`: points beside the lines.
    """

    title: str
    lines: Mapping[str, Mapping[float, Span | float]]
    band: Mapping[float, Span] = {}
    marks: Mapping[str, Mapping[float, float]] = {}


class Contestant(NamedTuple):
    """What is drawn of one contestant at one shape.

    Attributes:
        label: Its name.
        verdict: `reference`, `faster`, `slower`, `undecided`, or another, and then no ratio is drawn.
        speedup: Time of the reference over its own.
        step: Seconds of a training step.
        trace: Seconds of the first call's parts.
        compile: Likewise.
        first: Seconds of the first call.
        crossing: Training steps after which it overtakes the reference.
        is_ours: Whether it is a strategy.
    """

    label: str
    verdict: str
    speedup: Span | None = None
    step: float | None = None
    trace: float = 0.0
    compile: float = 0.0
    first: float = 0.0
    crossing: float | None = None
    is_ours: bool = True


class Group(NamedTuple):
    """Contestants that were measured together; `control` is the reference against itself."""

    title: str
    contestants: Sequence[Contestant]
    control: Span = Span(1.0, 1.0, 1.0)


@style.styled
def ratio_lines(
    facets: Sequence[Facet], subtitle: str, along: str, name: str, *, ends: tuple[str, str] | None = None
) -> Figure:
    """Speed-ups with intervals; a grey band is the reference against itself.

    Args:
        facets: The panels.
        subtitle: What they share.
        along: Name of the horizontal axis.
        name: Of the vertical axis.
        ends: Names of the facets' marks, the first and the last point of a line; then lines are of an ordered quantity,
            the number that ends their labels, and in their order.
    """
    every = list(dict.fromkeys(label for facet in facets for label in facet.lines))
    shown = {each: ordered(place) for place, each in enumerate(sorted(every, key=_number))} if ends else looks(every)
    figure, all_axes = scales.figure_of([facet.title for facet in facets], subtitle, 3.0 if ends else 2.6)
    marks = dict(zip(ends or (), (_FIRST, _LAST), strict=False))
    for axes, facet in zip(all_axes, facets, strict=True):
        xs = sorted({x for points in (facet.band, *facet.lines.values()) for x in points})
        axes.axhline(1, color=INK, linewidth=1, zorder=1.2)
        _band(axes, facet.band)
        for place, (label, look) in enumerate(shown.items()):
            # Lines of strategies lie a little beside each other so that their intervals can be told apart.
            shift = 1.0 if ends else scales.beside(place, len(shown), xs)
            _intervals(axes, label, look, facet.lines.get(label, {}), shift)
        for end, look in marks.items():
            for x, y in facet.marks.get(end, {}).items():
                axes.plot([x], [y], zorder=3, **look)
        scales.along(axes, along, xs)
        axes.grid(axis="y")
    for axes in all_axes:
        scales.ratios(axes, name)
    extra = [Line2D([], [], linestyle="", label=end, **look) for end, look in marks.items()]
    legend(figure, shown, extra or [Line2D([], [], color=FAINT, linewidth=8, label=CONTROL)])
    return figure


@style.styled
def memory_lines(facets: Sequence[Facet], subtitle: str, along: str) -> Figure:
    """Measured bytes as marks, bytes by formula as lines."""
    shown = looks(label for facet in facets for label in facet.marks)
    height = 2.6 if len(facets) > 1 else 3.8
    figure, all_axes = scales.figure_of([facet.title for facet in facets], subtitle, height)
    for axes, facet in zip(all_axes, facets, strict=True):
        xs = sorted({x for points in (*facet.lines.values(), *facet.marks.values()) for x in points})
        for place, (label, look) in enumerate(shown.items()):
            formula, measured = facet.lines.get(label, {}), facet.marks.get(label, {})
            ys = [float(y) / _MIB for y in formula.values() if not isinstance(y, tuple)]
            alone: Look = {"marker": "_", "markersize": 26} if len(ys) == 1 else {"marker": ""}
            axes.plot(list(formula), ys, label=f"{label}, formula", **look | {"linewidth": 1.2} | alone)
            shift = scales.beside(place, len(shown), xs)
            marks = [max(y, PAGE) / _MIB for y in measured.values()]
            name = f"{label}, measured"
            axes.plot([x * shift for x in measured], marks, label=name, zorder=3, **look | {"linestyle": ""})
        scales.along(axes, along, xs)
        axes.grid(axis="y")
    for axes in all_axes:
        scales.powers(axes, "peak memory [MiB]")
    kinds = [
        Line2D([], [], color=INK, linestyle="", marker="o", label="mark: measured"),
        Line2D([], [], color=INK, linewidth=1.2, label="line: formula"),
    ]
    legend(figure, shown, kinds)
    return figure


@style.styled
def preparation_lines(rows: Sequence[tuple[str, Sequence[Facet]]], subtitle: str, along: str) -> Figure:
    """A row of panels for each title: each panel a quantity of its own, named by the facet's title and unit in `[]`.

    Lines with the same label stand for one strategy; a label may end in a `/` and what sets its lines apart.
    """
    shown = looks(label.partition("/")[0] for _, facets in rows for facet in facets for label in facet.lines)
    figure = style.figure(0.9 + 3.0 * len(rows))
    grid = figure.subplots(len(rows), len(rows[0][1]), squeeze=False)
    scales.above(figure, subtitle)
    for all_axes, (title, facets) in zip(grid, rows, strict=True):
        for axes, facet in zip(all_axes, facets, strict=True):
            name, _, unit = facet.title.partition(" [")
            axes.set_title(f"{title}\n{name}" if title and axes is all_axes[0] else name, fontsize=10.5)
            for label, points in facet.lines.items():
                thin = shown[label.partition("/")[0]] | {"linewidth": 1.1, "markersize": 5}
                axes.plot(list(points), list(points.values()), label=label.partition("/")[0], **thin)
            scales.along(axes, along, [x for points in facet.lines.values() for x in points])
            scales.powers(axes, unit)
            axes.set_ylabel("operations" if unit == "operations]" else f"time [{unit}")
            axes.grid(axis="y")
    legend(figure, shown)
    return figure


@style.styled
def winner_map(
    maps: Mapping[str, Mapping[tuple[int, int], Contestant]],
    subtitle: str,
    names: tuple[str, str],
    reference: str,
    challenger: str,
) -> Figure:
    """Where a challenger wins: a panel for each title, a cell for each pair of sizes.

    Args:
        maps: By title and by the two sizes: the challenger.
        subtitle: What all cells share.
        names: Of the two axes.
        reference: Its name.
        challenger: Its name.
    """
    places = [place for cells in maps.values() for place in cells]
    xs, ys = (sorted({place[axis] for place in places}) for axis in (0, 1))
    columns = 3 if len(xs) <= 3 else 2 if len(xs) <= 5 else 1
    figure, all_axes = scales.figure_of([*maps], subtitle, 0.6 + 0.66 * len(ys), columns, room=0.75)
    for axes, cells in zip(all_axes, maps.values(), strict=True):
        for x, y in product(range(len(xs)), range(len(ys))):
            axes.text(x, y, "not\nmeasured", ha="center", va="center", fontsize=8.5, color=MUTED, zorder=0.4)
        for (x_size, y_size), each in cells.items():
            _cell(axes, xs.index(x_size), ys.index(y_size), each, reference)
        axes.set_xlim(-0.5, len(xs) - 0.5)
        axes.set_ylim(-0.5, len(ys) - 0.5)
        axes.set_xticks(range(len(xs)), [str(each) for each in xs])
        axes.set_yticks(range(len(ys)), [str(each) for each in ys])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        scales.name_below(axes, names[0])
        scales.name_left(axes, names[1])
    handles = [
        Patch(facecolor=color, label=label)
        for winner, tints in ((challenger, _FASTER), (reference, _SLOWER))
        for color, label in zip(tints, (f"{winner} faster", "twice or more"), strict=True)
    ]
    handles.append(Patch(label="no difference shown", **_UNDECIDED))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.4)
    return figure


@style.styled
def payoff(groups: Sequence[Group], subtitle: str, reference: str) -> Figure:
    """How many times faster than the reference a whole run is, its first call counted, against its training steps.

    A ring stands where a contestant overtakes the reference, which is the first of each group.
    """
    shown = looks(each.label for group in groups for each in group.contestants[1:])
    height = 3.2 if len(groups) > 1 else 4.4
    figure, all_axes = scales.figure_of([group.title for group in groups], subtitle, height)
    last = max(_STEPS, *(3 * (each.crossing or 0.0) for group in groups for each in group.contestants))
    for axes, group in zip(all_axes, groups, strict=True):
        base, *others = group.contestants
        axes.axhline(1, color=INK, linewidth=1, zorder=1.2)
        xs = [last ** (place / 96) for place in range(97)]
        for each in others:
            # Each line has its marks elsewhere, so that none hides another.
            marks: Look = {"markevery": (5 * list(shown).index(each.label) % 24, 24), "markersize": 5}
            ratios = [_total(base, x) / _total(each, x) for x in xs]
            axes.plot(xs, ratios, label=each.label, **shown[each.label] | marks)
            if each.crossing is not None:
                axes.plot([each.crossing], [1], label=f"{each.label} overtakes", zorder=4, **_RING)
        _steps_axis(axes, last)
        _durations(axes, base, alone=len(groups) == 1)
        axes.grid()
    for axes in all_axes:
        scales.ratios(axes, f"speed-up over {reference},\nfirst call counted")
    legend(figure, shown, [Line2D([], [], linestyle="", label=f"overtakes {reference}", **_RING)])
    return figure


@style.styled
def overview(groups: Sequence[Group], subtitle: str, reference: str) -> Figure:
    """All contestants ranked: time of a step, speed-up, and what the first call is made of."""
    counts = [len(group.contestants) + 0.8 for group in groups]
    figure = style.figure(1.2 + sum(0.55 + 0.25 * count for count in counts))
    grid = figure.subplots(len(groups), 3, squeeze=False, sharex="col", width_ratios=(1, 1.25, 1), height_ratios=counts)
    scales.above(figure, subtitle)
    for (step, speedup, first), group in zip(grid, groups, strict=True):
        step.set_title(group.title, fontsize=10.5)
        ranked = sorted(group.contestants, key=lambda each: (each.step is None, each.step or 0))
        _step_times(step, ranked, reference)
        speedup.axvspan(group.control.low, group.control.high, color=FAINT, linewidth=0, zorder=0.5, label=CONTROL)
        _ratios(speedup, ranked)
        _first_calls(first, ranked)
        for axes in (step, speedup, first):
            axes.set_ylim(len(ranked) - 0.4, -0.6)
            axes.tick_params(labelsize=9.5)
            axes.tick_params(axis="y", length=0)
    every = [each for group in groups for each in group.contestants]
    spans = [*(group.control for group in groups), *(each.speedup for each in every if each.speedup)]
    scales.ratios_across(grid[0, 1], min(each.low for each in spans), max(each.high for each in spans))
    grid[0, 0].set_xlim(0, 1.3e3 * max((each.step or 0 for each in every), default=0) or 1)
    grid[0, 2].set_xlim(0, 1.04 * max(each.first for each in every) or 1)
    names = ("time of a training step [ms]", f"speed-up over {reference}", "first call [s]")
    for axes, name in zip(grid[-1], names, strict=True):
        axes.set_xlabel(name)
    marks = [Line2D([], [], linestyle="", label=text, **_MARKS[verdict]) for verdict, text in _MEANING.items()]
    control = Patch(color=FAINT, label=CONTROL)
    parts = [
        Patch(color=ORANGE, label="trace"),
        Patch(label="compile", **_COMPILE),
        Patch(facecolor=MUTED, label="one step"),
    ]
    figure.legend(
        handles=[*marks, control, *parts], loc="outside lower center", ncols=7, columnspacing=1.3, handlelength=1.4
    )
    return figure


@style.styled
def beside_peers(groups: Sequence[Group], name: str) -> Figure:
    """Times over that of our fastest with 95 % intervals; left of 1 is faster. Round marks are ours."""
    heights = [len(group.contestants) for group in groups]
    figure = style.figure(_LINE * sum(heights) + 0.7 * len(groups) + 0.5)
    grid = figure.subplots(len(groups), 1, squeeze=False, sharex=True, height_ratios=heights)
    spans = []
    for axes, group in zip(grid.flat, groups, strict=True):
        axes.set_title(group.title, fontsize=10.5)
        axes.axvline(1, color=INK, linewidth=1, zorder=1)
        for place, each in enumerate(reversed(group.contestants)):
            assert each.speedup is not None
            span = Span(1 / each.speedup.estimate, 1 / each.speedup.high, 1 / each.speedup.low)
            look: Look = {"color": BLUE, "marker": "o"} if each.is_ours else {"color": VERMILLION, "marker": "s"}
            _across(axes, place, span, look)
            spans.append(span)
        axes.set_yticks(range(len(group.contestants)), [each.label for each in reversed(group.contestants)])
        axes.tick_params(axis="y", labelsize=9.5)
        axes.set_ylim(-0.6, len(group.contestants) - 0.4)
        axes.grid(axis="x")
    scales.ratios_across(grid[0, 0], min(span.low for span in spans), max(span.high for span in spans))
    grid[-1, 0].set_xlabel(name)
    return figure


def _number(label: str) -> float:
    return float(label.rpartition(" ")[2])


def _band(axes: Axes, band: Mapping[float, Span]) -> None:
    """What the reference shows against itself, behind the line of no difference."""
    xs, lows, highs = list(band), [each.low for each in band.values()], [each.high for each in band.values()]
    if len(xs) == 1:  # a band needs a width
        xs, lows, highs = [xs[0] / 1.1, xs[0] * 1.1], lows * 2, highs * 2
    if xs:
        axes.fill_between(xs, lows, highs, color=FAINT, linewidth=0, label=CONTROL, zorder=1)


def _intervals(axes: Axes, label: str, look: Look, points: Mapping[float, Span | float], shift: float) -> None:
    spans = {x: span for x, span in points.items() if isinstance(span, Span)}
    if spans:
        ys = [span.estimate for span in spans.values()]
        errors = (
            [span.estimate - span.low for span in spans.values()],
            [span.high - span.estimate for span in spans.values()],
        )
        axes.errorbar([x * shift for x in spans], ys, yerr=errors, label=label, capsize=2.5, elinewidth=1.1, **look)


def _across(axes: Axes, place: float, span: Span, look: Look, label: str = "") -> None:
    errors = [[span.estimate - span.low], [span.high - span.estimate]]
    axes.errorbar(span.estimate, place, xerr=errors, label=label, **_BAR | look)


def _cell(axes: Axes, x: int, y: int, challenger: Contestant, reference: str) -> None:
    span = challenger.speedup
    look: Look = _UNDECIDED
    if challenger.verdict == "wrong":
        text, look = f"{challenger.label}\nis wrong", {"facecolor": "white", "edgecolor": INK, "linewidth": 1.5}
    elif span is None or challenger.verdict not in ("faster", "slower"):
        text = NO_DIFFERENCE
    else:
        winner, tints = (challenger.label, _FASTER) if challenger.verdict == "faster" else (reference, _SLOWER)
        span = span if challenger.verdict == "faster" else Span(1 / span.estimate, 1 / span.high, 1 / span.low)
        text, look = f"{winner}\n{span.estimate:.2f}×", {"facecolor": tints[span.estimate >= _LARGE], "linewidth": 0}
    if span is not None and challenger.verdict != "wrong":
        text += f"\n{span.low:.2f} … {span.high:.2f}"
    box: Look | None = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if look.get("hatch") else None
    axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, **look))
    axes.text(x, y, text, ha="center", va="center", fontsize=9, color=INK, linespacing=1.15, bbox=box)


def _total(each: Contestant, steps: float) -> float:
    """The first call runs one step, the others take the steady time."""
    return each.first + (steps - 1) * (each.step or 0.0)


def _steps_axis(axes: Axes, last: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1, last)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,), numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    scales.name_below(axes, "training steps")


def _durations(axes: Axes, reference: Contestant, *, alone: bool) -> None:
    """At the upper edge: how long the reference takes for so many steps."""
    _, high = axes.get_xlim()
    first = high ** (0.12 if alone else 0.3)  # room for the word
    marks = {name: (seconds - reference.first) / (reference.step or 1) + 1 for name, seconds in _DURATIONS.items()}
    inside = {name: steps for name, steps in marks.items() if first < steps < high / 1.3}
    upper = axes.secondary_xaxis("top")
    upper.set_ticks(list(inside.values()), list(inside), minor=False)
    upper.xaxis.set_minor_locator(NullLocator())
    upper.tick_params(labelsize=8.5, labelcolor=MUTED, pad=1)
    upper.spines[:].set_visible(False)
    words: Look = {"xytext": (0, 3), "textcoords": "offset points", "fontsize": 8.5, "color": MUTED, "va": "bottom"}
    axes.annotate(f"{reference.label}:", (0, 1), xycoords="axes fraction", **words)


def _step_times(axes: Axes, ranked: Sequence[Contestant], reference: str) -> None:
    for place, each in enumerate(ranked):
        if each.step is None:
            axes.text(0, place, "  wrong, not timed", va="center", fontsize=9.5, fontstyle="italic")
        else:
            milliseconds = each.step * 1e3
            axes.barh(place, milliseconds, height=0.7, color=INK if each.label == reference else SKY)
            axes.text(milliseconds, place, f" {scales.plain(milliseconds)}", va="center", fontsize=9)
    axes.set_yticks(range(len(ranked)), [shorten(each.label, 24) for each in ranked], fontsize=9.5)


def _ratios(axes: Axes, ranked: Sequence[Contestant]) -> None:
    axes.axvline(1, color=INK, linewidth=1, zorder=1)
    for place, each in enumerate(ranked):
        if each.speedup is not None and each.verdict in _MARKS:
            _across(axes, place, each.speedup, _MARKS[each.verdict], each.label)
    axes.grid(axis="x")
    axes.set_yticks([])


def _first_calls(axes: Axes, ranked: Sequence[Contestant]) -> None:
    for place, each in enumerate(ranked):
        prepared = each.trace + each.compile
        axes.barh(place, each.trace, height=0.7, color=ORANGE)
        axes.barh(place, each.compile, left=each.trace, height=0.7, **_COMPILE)
        axes.barh(place, max(each.first - prepared, 0), left=prepared, height=0.7, facecolor=MUTED)
    axes.set_yticks([])


def _short(value: float) -> str:
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
