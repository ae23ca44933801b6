"""Ours beside others: times of a training step over that of our best, one panel for each shape."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echo_rnn.peers.results import Comparison, Standing
from echo_rnn.peers.words import named
from echo_rnn.plots import style
from echo_rnn.plots.benchmark.panels import name_below, ratios_across
from echo_rnn.plots.style import BLUE, INK, VERMILLION, Look

_LINE = 0.24  # inches for each contestant
_OURS: Look = {"color": BLUE, "marker": "o"}
_OTHERS: Look = {"color": VERMILLION, "marker": "s"}


@style.styled
def peers(comparisons: Sequence[Comparison]) -> Figure:
    """Ratios with their 95 % intervals on a logarithmic axis; left of 1 is faster than our best."""
    timed = [[each for each in comparison.standings if each.ratio] for comparison in comparisons]
    heights = [len(standings) for standings in timed]
    figure = style.figure(_LINE * sum(heights) + 0.7 * len(timed) + 0.5)
    grid = figure.subplots(len(timed), 1, squeeze=False, sharex=True, height_ratios=heights)
    bounds = [
        bound for standings in timed for each in standings if each.ratio for bound in (each.ratio.low, each.ratio.high)
    ]
    for axes, comparison, standings in zip(grid.flat, comparisons, timed, strict=True):
        axes.set_title(named(comparison), fontsize=10.5)
        _panel(axes, standings)
        ratios_across(axes, min(bounds), max(bounds))
        name_below(axes, "time of a training step over that of our best; bars are 95 % intervals")
    return figure


def _panel(axes: Axes, standings: Sequence[Standing]) -> None:
    axes.axvline(1, color=INK, linewidth=1, zorder=1)
    for place, each in enumerate(reversed(standings)):
        assert each.ratio is not None
        low, high = each.ratio.estimate - each.ratio.low, each.ratio.high - each.ratio.estimate
        look: Look = {"markersize": 6, "capsize": 3, "elinewidth": 1.4, "linestyle": ""}
        axes.errorbar(
            each.ratio.estimate, place, xerr=[[low], [high]], **look | (_OURS if each.entry.is_ours else _OTHERS)
        )
    axes.set_yticks(range(len(standings)), [each.entry.name for each in reversed(standings)], fontsize=9.5)
    axes.set_ylim(-0.6, len(standings) - 0.4)
    axes.grid(axis="x")
