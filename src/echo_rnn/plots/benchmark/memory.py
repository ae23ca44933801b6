"""Peak memory: what a process of its own needed, and what the formula says a strategy has to store."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from echo_rnn.benchmark.report.results import ShapeResult
from echo_rnn.plots import style
from echo_rnn.plots.benchmark import panels
from echo_rnn.plots.benchmark.looks import legend, looks
from echo_rnn.plots.style import INK, Look

MIB = 2**20
PAGE = 4096
"""Bytes; a process cannot need less than a page more, so a measured 0 is drawn there."""


@style.styled
def memory(results: Sequence[ShapeResult]) -> Figure | None:
    """Measured points and the formula's lines along the quantity that varies most, mostly T.

    `None` where memory was not measured, or nothing varies.
    """
    shown = looks(each.label for result in results for each in result.strategies if each.memory_bytes is not None)
    field = panels.axis_of(results)
    if field is None or not shown:
        return None
    groups = panels.panels(results, field)
    figure, all_axes = panels.figure_of(len(groups), results, 2.6 if len(groups) > 1 else 3.8)
    for axes, group in zip(all_axes, groups, strict=True):
        axes.set_title(group.title, fontsize=10.5)
        xs = [float(getattr(each.shape, field)) for each in group.results]
        for place, (label, look) in enumerate(shown.items()):
            found = [(x, each.of(label)) for x, each in zip(xs, group.results, strict=True)]
            lines = [(x, each.formula_bytes / MIB) for x, each in found if each is not None and each.formula_bytes > 0]
            points = [
                (x, max(each.memory_bytes, PAGE) / MIB)
                for x, each in found
                if each is not None and each.memory_bytes is not None
            ]
            alone: Look = {"marker": "_", "markersize": 26} if len(lines) == 1 else {"marker": ""}
            plain = look | {"linewidth": 1.2} | alone
            axes.plot([x for x, _ in lines], [y for _, y in lines], label=f"{label}, formula", **plain)
            bare = look | {"linestyle": ""}
            shift = panels.beside(place, len(shown), xs)
            axes.plot(
                [x * shift for x, _ in points], [y for _, y in points], label=f"{label}, measured", zorder=3, **bare
            )
        panels.along(axes, field, xs)
        axes.grid(axis="y")
    for axes in all_axes:
        panels.powers(axes, "peak memory [MiB]")
    kinds = [
        Line2D([], [], color=INK, linestyle="", marker="o", label="mark: measured"),
        Line2D([], [], color=INK, linewidth=1.2, label="line: formula"),
    ]
    legend(figure, shown, kinds)
    return figure
