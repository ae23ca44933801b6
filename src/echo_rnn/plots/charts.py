"""Charts of a comparison: finished numbers in, figures out. What is shown of which measurement is decided elsewhere.

A contestant looks the same in all charts and is told apart by marker and dashes as well as by colour.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import AutoLocator, FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from echo_rnn.plots import style
from echo_rnn.plots.looks import legend, looks, shorten
from echo_rnn.plots.style import BLUE, FAINT, INK, MUTED, ORANGE, VERMILLION, Look

CONTROL = "A/A control"
Span = Sequence[float]
"""An estimate, and the lower and the upper end of its interval; or a number alone."""
Points = Mapping[float, Span]
"""By place on the horizontal axis."""

_COLUMNS = 3
_MARKS: dict[str, Look] = {
    "faster": {"marker": "o", "color": BLUE},
    "slower": {"marker": "s", "color": VERMILLION},
    "undecided": {"marker": "D", "color": MUTED, "markerfacecolor": "white"},
    "reference": {"marker": "|", "color": INK, "markersize": 14},
}
_MEANING = {"faster": "faster", "slower": "slower", "undecided": "no difference shown"}
_PARTS: tuple[Look, ...] = (
    {"color": ORANGE},
    {"facecolor": "white", "edgecolor": INK, "hatch": "////", "linewidth": 0.6},
    {"color": MUTED},
)


class Facet(NamedTuple):
    """One panel of lines.

    Attributes:
        title: What sets it apart from the others.
        lines: By label.
        band: What the reference shows against itself.
        marks: By label: points beside the lines.
    """

    title: str
    lines: Mapping[str, Points]
    band: Mapping[float, Span] = {}
    marks: Mapping[str, Points] = {}


class Row(NamedTuple):
    """One contestant of a ranking.

    Attributes:
        label: Its name.
        verdict: `reference`, `faster`, `slower`, `undecided`, or another, and then no ratio is drawn.
        ratio: With its interval.
        parts: Of a stacked bar, by name.
    """

    label: str
    verdict: str
    ratio: Span | None
    parts: Mapping[str, float] = {}


class Group(NamedTuple):
    """Contestants that were measured together, in the order of drawing; `control` is the reference against itself."""

    title: str
    rows: Sequence[Row]
    control: Span | None = None


@style.styled()
def lines(
    facets: Sequence[Facet],
    subtitle: str,
    names: tuple[str, str],
    *,
    ratios: bool = False,
    kinds: tuple[str, str] | None = None,
) -> Figure:
    """Lines along a size, with intervals where points have them; a grey band is the reference against itself.

    Args:
        facets: The panels; they share their vertical axis.
        subtitle: What all of them share.
        names: Of the horizontal and the vertical axis; both are logarithmic.
        ratios: Whether the numbers are factors, of which 1 is no difference.
        kinds: What the lines of the facets are and what their marks are.
    """
    shown = looks(label for facet in facets for label in (*facet.lines, *facet.marks))
    columns = min(_COLUMNS, 2 if len(facets) == 4 else len(facets))  # no panel alone in its row
    rows = -(-len(facets) // columns)
    figure = style.figure(0.9 + (2.6 if len(facets) > 1 else 3.6) * rows)
    figure.suptitle(subtitle, **_SUBTITLE)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(facets) :]:
        axes.set_visible(False)
    drawn = grid.flat[: len(facets)]
    for axes, facet in zip(drawn, facets, strict=True):
        axes.set_title(facet.title, fontsize=10.5)
        xs = sorted({x for points in (*facet.lines.values(), *facet.marks.values()) for x in points})
        _band(axes, facet.band)
        for place, (label, look) in enumerate(shown.items()):
            # Lines lie a little beside each other so that their intervals can be told apart.
            shift = _beside(place, len(shown), xs)
            line, mark = (look | {"marker": "_"}, look | {"linestyle": ""}) if kinds else (look, look)
            _line(axes, label, facet.lines.get(label, {}), shift, line)
            _line(axes, f"{label}, {kinds[1]}" if kinds else label, facet.marks.get(label, {}), shift, mark)
        _sizes(axes, xs)
        axes.grid(axis="y")
        if ratios:
            axes.axhline(1, color=INK, linewidth=1, zorder=1.2)
    grid[0, 0].set_yscale("log")
    _round_numbers(grid[0, 0].yaxis, grid[0, 0].get_ylim(), "×" if ratios else "")
    for axes in drawn[-columns:]:
        axes.set_xlabel(names[0])
    for axes in grid[:, 0]:
        axes.set_ylabel(names[1])
    extra = [Line2D([], [], color=FAINT, linewidth=8, label=CONTROL)] if any(facet.band for facet in facets) else []
    if kinds:
        extra += [Line2D([], [], color=INK, marker="_", label=f"line: {kinds[0]}")]
        extra += [Line2D([], [], color=INK, marker="o", linestyle="", label=f"mark: {kinds[1]}")]
    legend(figure, shown, extra)
    return figure


@style.styled()
def ranking(groups: Sequence[Group], subtitle: str, name: str, parts: str = "") -> Figure:
    """Contestants one below the other: a ratio with its interval and, where there are parts, a stacked bar.

    Args:
        groups: A panel each.
        subtitle: What all of them share.
        name: Of the ratio.
        parts: Name of the bars; empty where there are none.
    """
    heights = [len(group.rows) + 0.8 for group in groups]
    figure = style.figure(1.2 + sum(0.5 + 0.25 * height for height in heights))
    figure.suptitle(subtitle, **_SUBTITLE)
    grid = figure.subplots(len(groups), 2 if parts else 1, squeeze=False, sharex="col", height_ratios=heights)
    for (ratios, *bars), group in zip(grid, groups, strict=True):
        ratios.set_title(group.title, fontsize=10.5)
        ratios.axvline(1, color=INK, linewidth=1, zorder=1)
        ratios.grid(axis="x")
        if group.control:
            ratios.axvspan(*group.control[1:], color=FAINT, linewidth=0, zorder=0.5, label=CONTROL)
        for place, row in enumerate(group.rows):
            if row.ratio and row.verdict in _MARKS:
                look = {"markersize": 6, "capsize": 3, "elinewidth": 1.4, "linestyle": ""} | _MARKS[row.verdict]
                ratios.errorbar(row.ratio[0], place, xerr=_errors([row.ratio]), label=row.label, **look)
            left = 0.0
            for width, look in zip(row.parts.values(), _PARTS, strict=False):
                bars[0].barh(place, width, left=left, height=0.7, **look)
                left += width
        for axes in (ratios, *bars):
            axes.set_ylim(len(group.rows) - 0.4, -0.6)
            axes.set_yticks([])
        ratios.set_yticks(range(len(group.rows)), [shorten(row.label, 40) for row in group.rows], fontsize=9.5)
    grid[0, 0].set_xscale("log")
    _round_numbers(grid[0, 0].xaxis, grid[0, 0].get_xlim(), "×")
    for axes, text in zip(grid[-1], (name, parts), strict=False):
        axes.set_xlabel(text)
    handles: list[Artist] = [
        Line2D([], [], linestyle="", label=text, **_MARKS[verdict]) for verdict, text in _MEANING.items()
    ]
    if any(group.control for group in groups):
        handles.append(Patch(color=FAINT, label=CONTROL))
    named = dict.fromkeys(part for group in groups for row in group.rows for part in row.parts)
    handles += [Patch(label=part, **look) for part, look in zip(named, _PARTS, strict=False)]
    figure.legend(handles=handles, loc="outside lower center", ncols=7, columnspacing=1.3, handlelength=1.4)
    return figure


_SUBTITLE: Look = {"fontsize": 10, "color": MUTED, "x": 0.01, "ha": "left"}


def _line(axes: Axes, label: str, points: Points, shift: float, look: Look) -> None:
    if points:
        spans = list(points.values())
        errors = _errors(spans) if len(spans[0]) > 1 else None
        xs, ys = [x * shift for x in points], [span[0] for span in spans]
        axes.errorbar(xs, ys, yerr=errors, label=label, capsize=2.5, elinewidth=1.1, **look)


def _errors(spans: Sequence[Span]) -> NDArray[np.floating]:
    """Distances from the estimates to the lower and the upper ends, in two rows."""
    spans_3N = np.array(spans).T
    errors_2N: NDArray[np.floating] = np.abs(spans_3N[1:] - spans_3N[0])
    return errors_2N


def _band(axes: Axes, band: Points) -> None:
    """What the reference shows against itself, behind the line of no difference."""
    xs, spans = list(band), list(band.values())
    if len(xs) == 1:  # a band needs a width
        xs, spans = [xs[0] / 1.1, xs[0] * 1.1], spans * 2
    if xs:
        lows, highs = [low for _, low, _ in spans], [high for _, _, high in spans]
        axes.fill_between(xs, lows, highs, color=FAINT, linewidth=0, label=CONTROL, zorder=1)


def _beside(place: int, count: int, xs: Sequence[float]) -> float:
    """By what places along an axis are multiplied so that `count` lines can be told apart where they meet."""
    span = xs[-1] / xs[0] if len(xs) > 1 else 1.5
    return float(span ** (min(0.006, 0.04 / count) * (place - (count - 1) / 2)))


def _sizes(axes: Axes, xs: Sequence[float]) -> None:
    """A logarithmic horizontal axis with a mark at each measured size for whose number there is room."""
    axes.set_xscale("log", base=2)
    span = xs[-1] / xs[0]
    margin = span**0.06 if span > 1 else 1.5
    axes.set_xlim(xs[0] / margin, xs[-1] * margin)
    marks = [xs[0]]
    for x in xs:
        if x >= marks[-1] * span**0.085 and x > marks[-1]:
            marks.append(x)
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(labelsize=9.5)


def _round_numbers(axis: Axis, limits: tuple[float, float], unit: str) -> None:
    """Marks of a logarithmic axis at round numbers, the more the shorter it is."""
    span = limits[1] / limits[0]
    subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if span < 12 else (1.0, 2.0, 5.0) if span < 1000 else (1.0,)
    axis.set_major_locator(AutoLocator() if span < 2 else LogLocator(subs=subs, numticks=12))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}")
    )
