"""How many times faster than the reference, with 95 % intervals."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.results import Interval, ShapeResult
from echo_rnn.plots import style
from echo_rnn.plots.benchmark import panels
from echo_rnn.plots.benchmark.looks import legend, looks
from echo_rnn.plots.style import FAINT, INK, Look

CONTROL = "A/A control"


@style.styled
def speedup(results: Sequence[ShapeResult]) -> Figure | None:
    """Speed-up over the reference along the quantity that varies most, mostly T; one panel for all else that varies.

    Only training steps. `None` where nothing varies or nothing besides the reference was timed.
    """
    field = panels.axis_of(results)
    shown = looks(
        strategy.label
        for result in results
        for strategy in result.strategies
        if strategy.speedup is not None and strategy.label != REFERENCE
    )
    if field is None or not shown:
        return None
    groups = panels.panels(results, field)
    figure, all_axes = panels.figure_of(len(groups), results, columns=min(3, len(groups)))
    for axes, group in zip(all_axes, groups, strict=True):
        axes.set_title(group.title, fontsize=10.5)
        xs = [float(getattr(result.shape, field)) for result in group.results]
        band(axes, xs, [result.control for result in group.results])
        for place, (label, look) in enumerate(shown.items()):
            _line(axes, label, look, group.results, field, panels.beside(place, len(shown), xs))
        panels.along(axes, field, xs)
        axes.grid(axis="y")
    for axes in all_axes:
        panels.ratios(axes, f"speed-up over {REFERENCE}")
    legend(figure, shown, [_control_handle()])
    return figure


def band(axes: Axes, xs: Sequence[float], controls: Sequence[Interval]) -> None:
    """The line of no difference, and behind it what the reference shows against itself."""
    axes.axhline(1, color=INK, linewidth=1, zorder=1.2)
    lows, highs = [each.low for each in controls], [each.high for each in controls]
    if len(xs) == 1:  # a band needs a width
        xs, lows, highs = (xs[0] / 1.1, xs[0] * 1.1), lows * 2, highs * 2
    axes.fill_between(xs, lows, highs, color=FAINT, linewidth=0, label=CONTROL, zorder=1)


def _line(axes: Axes, label: str, look: Look, results: Sequence[ShapeResult], field: str, shift: float) -> None:
    points = []
    for result in results:
        found = result.of(label)
        if found is not None and found.speedup is not None:
            points.append((float(getattr(result.shape, field)), found.speedup))
    if not points:
        return
    # Lines lie a little beside each other so that their intervals can be told apart.
    xs = [x * shift for x, _ in points]
    ys = [each.estimate for _, each in points]
    errors = ([each.estimate - each.low for _, each in points], [each.high - each.estimate for _, each in points])
    axes.errorbar(xs, ys, yerr=errors, label=label, capsize=2.5, elinewidth=1.1, **look)


def _control_handle() -> Line2D:
    return Line2D([], [], color=FAINT, linewidth=8, label=CONTROL)
