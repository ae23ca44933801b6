"""Axes of charts in panels: logarithmic, with plain numbers, named once for each row and column."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from echo_rnn.plots import style
from echo_rnn.plots.style import MUTED

_COLUMNS = 3


def figure_of(
    titles: Sequence[str], subtitle: str, height: float = 2.6, columns: int = _COLUMNS, *, room: float = 0.9
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each title, each `height` inches high, with `room` for title and legend.

    Panels share their vertical axis.
    """
    count = len(titles)
    columns = min(columns, 2 if count == 4 else count)  # no panel alone in its row
    rows = -(-count // columns)
    figure = style.figure(height * rows + room)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    for axes, title in zip(grid.flat[:count], titles, strict=True):
        axes.tick_params(labelsize=9.5)
        axes.set_title(title, fontsize=10.5)
    above(figure, subtitle)
    return figure, list(grid.flat[:count])


def above(figure: Figure, text: str) -> None:
    """A line over the whole figure: what all its panels share."""
    figure.suptitle(text, fontsize=10, color=MUTED, x=0.01, ha="left")


def along(axes: Axes, name: str, values: Sequence[float]) -> None:
    """The horizontal axis: logarithmic, with a mark at each measured value."""
    known = sorted(set(values))
    axes.set_xscale("log", base=2)
    axes.set_xlim(known[0] / _margin(known), known[-1] * _margin(known))
    axes.xaxis.set_major_locator(FixedLocator(_apart(known)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    name_below(axes, name)


def name_below(axes: Axes, name: str) -> None:
    """The name of a horizontal axis, once below each column of panels."""
    place = axes.get_subplotspec()
    figure = axes.get_figure()
    assert place is not None and figure is not None
    below = (each for each in figure.axes if each.get_visible() and each is not axes)
    places = [spec for each in below if (spec := each.get_subplotspec()) is not None]
    column = place.colspan.start
    if not any(spec.colspan.start == column and spec.rowspan.start > place.rowspan.start for spec in places):
        axes.set_xlabel(name)


def name_left(axes: Axes, name: str) -> None:
    """The name of a vertical axis, once left of each row of panels."""
    place = axes.get_subplotspec()
    if place is None or place.is_first_col():
        axes.set_ylabel(name)


def ratios(axes: Axes, name: str) -> None:
    """A logarithmic vertical axis of factors; 1 is always on it."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    low, high = min(low, 1 / 1.04), max(high, 1.04)
    axes.set_ylim(low, high)
    _factors(axes.yaxis, _marks(low, high, 9))
    name_left(axes, name)


def ratios_across(axes: Axes, low: float, high: float) -> None:
    """A logarithmic horizontal axis of factors; 1 is always on it."""
    low, high = min(low, 1 / 1.04) / 1.04, max(high, 1.04) * 1.04
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    _factors(axes.xaxis, _marks(low, high, 6))


def _factors(axis: Axis, marks: Sequence[float]) -> None:
    axis.set_major_locator(FixedLocator(marks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))


def beside(place: int, count: int, values: Sequence[float]) -> float:
    """By what values along an axis are multiplied so that `count` lines can be told apart where they meet."""
    span = max(values) / min(values) if len(set(values)) > 1 else 1.5
    return float(span ** (min(0.006, 0.04 / count) * (place - (count - 1) / 2)))


def powers(axes: Axes, name: str) -> None:
    """A logarithmic vertical axis with plain numbers."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 1000 else (1.0,), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    name_left(axes, name)


def plain(value: float) -> str:
    """A number without powers of ten: `0.02`, `1,500`."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _marks(low: float, high: float, most: int) -> list[float]:
    """Round factors between two ends, at most so many where that is possible; 1 is one of them."""
    narrow = [[round(width * n, 2) for n in range(1, round(8 / width))] for width in (0.05, 0.1, 0.2)]
    wide = [
        sorted(float(f"{step * 10.0**power:.3g}") for power in range(-4, 5) for step in steps)
        for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
    ]
    inside: list[float] = []
    for marks in [*narrow, *wide] if high / low < 2.5 else wide:
        inside = [mark for mark in marks if low <= mark <= high]
        if len(inside) <= most:
            break
    return inside


def _margin(values: Sequence[float]) -> float:
    return float((values[-1] / values[0]) ** 0.06) if len(values) > 1 else 1.5


def _apart(values: Sequence[float]) -> list[float]:
    """Values with enough room between them for their numbers; the first always stays."""
    least = (values[-1] / values[0]) ** 0.085
    kept: list[float] = []
    for value in values:
        if not kept or value / kept[-1] >= least:
            kept.append(value)
    return kept
