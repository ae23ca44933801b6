"""What has to be paid before the first step: tracing and compiling, and the size of the graph that causes both."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echo_rnn.benchmark.report.results import ShapeResult, StrategyResult
from echo_rnn.plots import style
from echo_rnn.plots.benchmark import panels
from echo_rnn.plots.benchmark.looks import legend, looks
from echo_rnn.plots.style import Look

_COLUMNS: dict[str, tuple[str, Callable[[StrategyResult], float]]] = {
    "Tracing: Python to graph": ("time [s]", lambda each: each.trace_seconds),
    "Compiling: graph to executable": ("time [s]", lambda each: each.compile_seconds),
    "Size of the graph": ("operations", lambda each: each.graph_nodes),
}


@style.styled
def preparation(results: Sequence[ShapeResult]) -> Figure | None:
    """Trace time, compile time and graph size along T or L, a line for each strategy and each S and B.

    A graph hardly depends on S and B, so that their lines lie near each other. `None` where neither T nor L varies.
    """
    field = panels.axis_of(results, ("window", "layers"))
    if field is None:
        return None
    shown = looks(panels.labels(results))
    groups = panels.panels(results, field, "units", "batch_size")
    figure = style.figure(0.9 + 3.0 * len(groups))
    grid = figure.subplots(len(groups), len(_COLUMNS), squeeze=False)
    lines = panels.each_of(results, "units", "batch_size")
    panels.subtitle(figure, panels.shared(results) + (lines and f"; a line for each of {lines}"))
    for all_axes, group in zip(grid, groups, strict=True):
        for axes, (title, (unit, value)) in zip(all_axes, _COLUMNS.items(), strict=True):
            where = f"{group.title}\n" if group.title and axes is all_axes[0] else ""
            axes.set_title(where + title, fontsize=10.5)
            for panel in panels.panels(group.results, field):
                _lines(axes, panel.results, field, shown, value)
            panels.along(axes, field, [float(getattr(each.shape, field)) for each in group.results])
            panels.powers(axes, unit)
            axes.set_ylabel(unit)
            axes.grid(axis="y")
    legend(figure, shown)
    return figure


def _lines(
    axes: Axes,
    results: Sequence[ShapeResult],
    field: str,
    shown: dict[str, Look],
    value: Callable[[StrategyResult], float],
) -> None:
    for label, look in shown.items():
        points = [(float(getattr(each.shape, field)), each.of(label)) for each in results]
        known = [(x, value(found)) for x, found in points if found is not None and value(found) > 0]
        thin = look | {"linewidth": 1.1, "markersize": 5}
        axes.plot([x for x, _ in known], [y for _, y in known], label=label, **thin)
