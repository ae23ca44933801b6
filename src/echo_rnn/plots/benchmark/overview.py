"""All strategies at a few shapes: time of a step, speed-up, and what the first call is made of."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.results import ShapeResult, StrategyResult
from echo_rnn.plots import style
from echo_rnn.plots.benchmark import panels
from echo_rnn.plots.benchmark.looks import shorten
from echo_rnn.plots.benchmark.speedup import CONTROL
from echo_rnn.plots.style import BLUE, FAINT, INK, MUTED, ORANGE, SKY, VERMILLION, Look

_MOST = 4
_NAMES = ("time of a training step [ms]", f"speed-up over {REFERENCE}", "first call [s]")
_LOOKS: dict[str, Look] = {
    "faster": {"marker": "o", "color": BLUE},
    "slower": {"marker": "s", "color": VERMILLION},
    "no difference shown": {"marker": "D", "color": MUTED, "markerfacecolor": "white"},
    "reference": {"marker": "|", "color": INK, "markersize": 14},
}


@style.styled
def overview(results: Sequence[ShapeResult]) -> Figure | None:
    """The fastest strategy on top; `None` where more than four shapes were measured, since other pictures say more."""
    having = [result for result in results if result.strategies]
    if not 1 <= len(having) <= _MOST:
        return None
    counts = [len(result.strategies) + 0.8 for result in having]
    figure = style.figure(1.2 + sum(0.55 + 0.25 * count for count in counts))
    grid = figure.subplots(len(having), 3, squeeze=False, width_ratios=(1, 1.25, 1), height_ratios=counts)
    panels.subtitle(figure, panels.shared(having))
    fields = panels.varying(having)
    intervals = [each.speedup for result in having for each in result.strategies if each.speedup is not None]
    intervals += [result.control for result in having]
    for (step, speedup, first), result in zip(grid, having, strict=True):
        if fields:
            step.set_title(panels.named(result.shape, fields), fontsize=10.5)
        ranked = sorted(result.strategies, key=lambda each: (each.step_seconds is None, each.step_seconds or 0))
        _step_times(step, ranked)
        _speedups(speedup, ranked, result)
        panels.ratios_across(speedup, min(each.low for each in intervals), max(each.high for each in intervals))
        _first_calls(first, ranked)
        for axes in (step, speedup, first):
            axes.set_ylim(len(ranked) - 0.4, -0.6)
            axes.tick_params(labelsize=9.5)
            axes.tick_params(axis="y", length=0)
    for axes, name in zip(grid[-1], _NAMES, strict=True):
        axes.set_xlabel(name)
    _legend(figure)
    return figure


def _step_times(axes: Axes, ranked: Sequence[StrategyResult]) -> None:
    for place, each in enumerate(ranked):
        if each.step_seconds is None:
            axes.text(0, place, "  wrong, not timed", va="center", fontsize=9.5, fontstyle="italic")
        else:
            axes.barh(place, each.step_seconds * 1e3, height=0.7, color=INK if each.label == REFERENCE else SKY)
            axes.text(
                each.step_seconds * 1e3, place, f" {panels.plain(each.step_seconds * 1e3)}", va="center", fontsize=9
            )
    axes.set_yticks(range(len(ranked)), [shorten(each.label, 24) for each in ranked], fontsize=9.5)
    axes.set_xlim(0, 1.3e3 * max((each.step_seconds or 0 for each in ranked), default=0) or 1)


def _speedups(axes: Axes, ranked: Sequence[StrategyResult], result: ShapeResult) -> None:
    axes.axvspan(result.control.low, result.control.high, color=FAINT, linewidth=0, zorder=0.5, label=CONTROL)
    axes.axvline(1, color=INK, linewidth=1, zorder=1)
    for place, each in enumerate(ranked):
        if each.speedup is not None and each.verdict in _LOOKS:
            low, high = each.speedup.estimate - each.speedup.low, each.speedup.high - each.speedup.estimate
            look: Look = {"markersize": 6, "capsize": 3, "elinewidth": 1.4, "linestyle": ""} | _LOOKS[each.verdict]
            axes.errorbar(each.speedup.estimate, place, xerr=[[low], [high]], label=each.label, **look)
    axes.grid(axis="x")
    axes.set_yticks([])


def _first_calls(axes: Axes, ranked: Sequence[StrategyResult]) -> None:
    for place, each in enumerate(ranked):
        rest = max(each.first_call_seconds - each.trace_seconds - each.compile_seconds, 0)
        axes.barh(place, each.trace_seconds, height=0.7, color=ORANGE)
        axes.barh(place, each.compile_seconds, left=each.trace_seconds, height=0.7, **_COMPILE)
        axes.barh(place, rest, left=each.trace_seconds + each.compile_seconds, height=0.7, **_REST)
    axes.set_xlim(0, 1.04 * max(each.first_call_seconds for each in ranked) or 1)
    axes.set_yticks([])


_COMPILE: Look = {"facecolor": "white", "edgecolor": INK, "hatch": "////", "linewidth": 0.6}
_REST: Look = {"facecolor": MUTED}


def _legend(figure: Figure) -> None:
    marks = [
        Line2D([], [], linestyle="", label=verdict, **look)
        for verdict, look in _LOOKS.items()
        if verdict != "reference"
    ]
    bars = [Patch(color=ORANGE, label="trace"), Patch(label="compile", **_COMPILE), Patch(label="one step", **_REST)]
    control = Patch(color=FAINT, label=CONTROL)
    figure.legend(
        handles=[*marks, control, *bars], loc="outside lower center", ncols=7, columnspacing=1.3, handlelength=1.4
    )
