"""How far to unroll: speed against k of `partial<k>`, between the loop and the fully unrolled graph."""

import re
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.results import Interval, ShapeResult
from echo_rnn.plots import style
from echo_rnn.plots.benchmark import panels
from echo_rnn.plots.benchmark.looks import legend, ordered
from echo_rnn.plots.style import INK, Look

_DYNAMIC: Look = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgecolor": INK}
_STATIC: Look = {"marker": "s", "markersize": 10, "markerfacecolor": "none", "markeredgecolor": INK}


@style.styled
def unroll_factor(results: Sequence[ShapeResult]) -> Figure | None:
    """Speed-up over dynamic against k, a line for each T; dynamic is k = 1, static is k = T.

    `None` where no `partial<k>` was timed.
    """
    having = [result for result in results if any(each.speedup and factor_of(each.label) for each in result.strategies)]
    if not having:
        return None
    groups = panels.panels(having, "window")
    figure, all_axes = panels.figure_of(len(groups), having, 3.0 if len(groups) > 1 else 3.6)
    windows = sorted({result.shape.window for result in having})
    shown = {f"T = {window}": ordered(place) for place, window in enumerate(windows)}
    for axes, group in zip(all_axes, groups, strict=True):
        axes.set_title(group.title, fontsize=10.5)
        axes.axhline(1, color=INK, linewidth=1, zorder=1.2)
        for result in group.results:
            points = _points(result)
            xs, ys = [float(k) for k, _ in points], [each.estimate for _, each in points]
            errors = ([e.estimate - e.low for _, e in points], [e.high - e.estimate for _, e in points])
            name = f"T = {result.shape.window}"
            axes.errorbar(xs, ys, yerr=errors, label=name, capsize=2.5, elinewidth=1.1, **shown[name])
            for k, each in points:
                if k in (1, result.shape.window):
                    axes.plot([k], [each.estimate], zorder=3, **(_DYNAMIC if k == 1 else _STATIC))
        panels.along(axes, "unrolled steps k", [k for result in group.results for k, _ in _points(result)])
        axes.grid(axis="y")
    for axes in all_axes:
        panels.ratios(axes, f"speed-up over {REFERENCE}")
    ends = [
        Line2D([], [], linestyle="", label="dynamic (k = 1)", **_DYNAMIC),
        Line2D([], [], linestyle="", label="static (k = T)", **_STATIC),
    ]
    legend(figure, shown, ends)
    return figure


def factor_of(label: str) -> int | None:
    """K of `partial<k>`."""
    found = re.fullmatch(r"partial([0-9]+)", label)
    return int(found[1]) if found else None


def _points(result: ShapeResult) -> list[tuple[float, Interval]]:
    """Speed-ups by k; dynamic is k = 1 and static is k = T, as is every larger k."""
    window = result.shape.window
    timed = {strategy.label: strategy.speedup for strategy in result.strategies if strategy.speedup is not None}
    found = {k: speedup for label, speedup in timed.items() if (k := factor_of(label)) is not None and k <= window}
    found |= {k: timed[end] for end, k in ((REFERENCE, 1), ("static", window)) if end in timed}
    return [(float(k), found[k]) for k in sorted(found)]
