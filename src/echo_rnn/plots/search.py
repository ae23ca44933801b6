"""How a search went: the loss of each trial, and over each value that was tried."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from echo_rnn.plots import style
from echo_rnn.plots.looks import shorten
from echo_rnn.plots.style import BLUE, INK, MUTED, VERMILLION, Look

_ACROSS = 3  # panels beside each other
_MOST_PANELS = 9
_FAR = 10  # largest over smallest loss, from which on the axis is logarithmic

_WHOLE: Look = {"linestyle": "none", "marker": "o", "color": BLUE, "markersize": 6, "label": "to its end"}
_PRUNED: Look = {"linestyle": "none", "marker": "x", "color": MUTED, "markersize": 6, "label": "pruned, its last"}


class Point(NamedTuple):
    """One trial.

    Attributes:
        number: In the order in which they were begun.
        loss: Its validation loss, the last one where it was pruned.
        pruned: Whether it was.
        values: What was tried, by its key.
    """

    number: int
    loss: float
    pruned: bool
    values: Mapping[str, float | str]


@style.styled()
def search_picture(points: Sequence[Point], logarithmic: Mapping[str, bool], as_configured: float | None) -> Figure:
    """Above the loss of each trial and the best so far, below the loss over each value that was tried.

    Args:
        points: The trials, at least one that was not pruned.
        logarithmic: The keys, and whether their axis is.
        as_configured: The loss without a search, where it is known.
    """
    keys = [*logarithmic][:_MOST_PANELS]
    rows = math.ceil(len(keys) / _ACROSS)
    figure = style.figure(3.0 + 2.6 * rows)
    course, *parts = figure.subfigures(1 + rows, 1, squeeze=False, height_ratios=[1.1, *[1.0] * rows])[:, 0]
    axes = course.subplots()
    whole = sorted((point for point in points if not point.pruned), key=lambda point: point.number)
    best = np.minimum.accumulate([point.loss for point in whole])
    axes.step([point.number for point in whole], best, where="post", color=VERMILLION, label="best so far")
    if as_configured is not None:
        axes.axhline(as_configured, color=INK, linestyle="--", linewidth=1.2, label="as configured", zorder=1.5)
    _draw(axes, points, [point.number for point in points])
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, columnspacing=1.6)
    for row, part in enumerate(parts):
        shown = keys[row * _ACROSS : (row + 1) * _ACROSS]
        for axes, key in zip(part.subplots(1, _ACROSS, squeeze=False)[0], shown + [""] * _ACROSS, strict=False):
            if key:
                _panel(axes, points, key, logarithmic[key])
            else:
                axes.set_axis_off()
    return figure


def _panel(axes: Axes, points: Sequence[Point], key: str, logarithmic: bool) -> None:
    values = [point.values[key] for point in points]
    if any(isinstance(value, str) for value in values):
        names = sorted({str(value) for value in values})
        axes.set_xticks(range(len(names)), [shorten(name, 14) for name in names])
        axes.set_xlim(-0.5, len(names) - 0.5)
        values = [names.index(str(value)) for value in values]
    elif logarithmic:
        axes.set_xscale("log")
    _draw(axes, points, [float(value) for value in values])
    axes.set_xlabel(shorten(key, 34))


def _draw(axes: Axes, points: Sequence[Point], places: Sequence[float]) -> None:
    for pruned, look in ((True, _PRUNED), (False, _WHOLE)):
        drawn = [(place, point.loss) for place, point in zip(places, points, strict=True) if point.pruned == pruned]
        if drawn:
            axes.plot(*zip(*drawn, strict=True), **look)
    losses = [point.loss for point in points]
    if min(losses) > 0 and max(losses) >= _FAR * min(losses):
        axes.set_yscale("log")
    axes.set_ylabel("validation loss")
    axes.grid(axis="y")
