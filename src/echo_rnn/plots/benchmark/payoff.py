"""First call against steady state: when a strategy that takes longer to get ready has paid off."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.results import ShapeResult, StrategyResult
from echo_rnn.plots import style
from echo_rnn.plots.benchmark import panels
from echo_rnn.plots.benchmark.looks import legend, looks, shorten
from echo_rnn.plots.style import INK, MUTED, Look

_MOST = 6
_LINES = 6
_STEPS = 100_000  # at least so many are shown
_SPANS = {"1 s": 1, "10 s": 10, "1 min": 60, "10 min": 600, "1 h": 3600, "10 h": 36000}


@style.styled
def payoff(results: Sequence[ShapeResult]) -> Figure | None:
    """How many times faster than the reference a strategy is when its first call counts, against the number of steps.

    A ring stands where a strategy overtakes the reference. Of many shapes a choice is shown, spread over the sweep.
    `None` where nothing besides the reference was timed.
    """
    timed = [result for result in results if len(_timed(result)) > 1 and result.of(REFERENCE) in _timed(result)]
    chosen = _choice(timed)
    if not chosen:
        return None
    shown = looks(each.label for result in chosen for each in _timed(result) if each.label != REFERENCE)
    figure, all_axes = panels.figure_of(len(chosen), chosen, 3.2 if len(chosen) > 1 else 4.4)
    fields = panels.varying(chosen)
    last = max(_STEPS, *(3 * crossing for result in chosen for crossing in _crossings(result).values()), 0)
    for axes, result in zip(all_axes, chosen, strict=True):
        axes.set_title(panels.named(result.shape, fields), fontsize=10.5)
        reference = result.of(REFERENCE)
        assert reference is not None
        axes.axhline(1, color=INK, linewidth=1, zorder=1.2)
        for place, (label, look) in enumerate(shown.items()):
            strategy = result.of(label)
            if strategy is not None and strategy.step_seconds is not None:
                # Each line has its marks elsewhere, so that none hides another.
                marks: Look = {"markevery": (5 * place % 24, 24), "markersize": 5}
                _line(axes, strategy, reference, look | marks, last)
        _mark(axes, result, words=len(chosen) > 1)
        _steps(axes, last)
        _seconds(axes, reference, alone=len(chosen) == 1)
        axes.grid()
    for axes in all_axes:
        panels.ratios(axes, f"speed-up over {REFERENCE},\nfirst call counted")
    known = _crossings(chosen[0]) if len(chosen) == 1 else {}
    after = {label: f" ({_exact(steps)})" for label, steps in known.items()}
    known_as = {label + after.get(label, ""): look for label, look in shown.items()}
    ring = Line2D([], [], linestyle="", label=f"overtakes {REFERENCE}" + (" (after)" if after else ""), **_RING)
    legend(figure, known_as, [ring])
    return figure


_RING: Look = {
    "marker": "o", "markersize": 8, "markerfacecolor": "none", "markeredgecolor": INK, "markeredgewidth": 1.5,
}  # fmt: skip


def total_seconds(strategy: StrategyResult, steps: float) -> float:
    """The first call runs one step, the others take the steady time."""
    assert strategy.step_seconds is not None
    return strategy.first_call_seconds + (steps - 1) * strategy.step_seconds


def _steps(axes: Axes, last: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1, last)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,), numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    panels.name_below(axes, "training steps")


def _seconds(axes: Axes, reference: StrategyResult, *, alone: bool) -> None:
    """At the upper edge: how long the reference takes for so many steps."""
    _, high = axes.get_xlim()
    first = high ** (0.12 if alone else 0.3)  # room for the word
    marks = [(_SPANS[name] - reference.first_call_seconds) / (reference.step_seconds or 1) + 1 for name in _SPANS]
    inside = [(steps, name) for steps, name in zip(marks, _SPANS, strict=True) if first < steps < high / 1.3]
    upper = axes.secondary_xaxis("top")
    upper.set_ticks([steps for steps, _ in inside], [name for _, name in inside], minor=False)
    upper.xaxis.set_minor_locator(NullLocator())
    upper.tick_params(labelsize=8.5, labelcolor=MUTED, pad=1)
    upper.spines[:].set_visible(False)
    words: Look = {"xytext": (0, 3), "textcoords": "offset points", "fontsize": 8.5, "color": MUTED, "va": "bottom"}
    axes.annotate(f"{REFERENCE}:", (0, 1), xycoords="axes fraction", **words)


def _timed(result: ShapeResult) -> list[StrategyResult]:
    return [strategy for strategy in result.strategies if strategy.step_seconds is not None]


def _crossings(result: ShapeResult) -> dict[str, float]:
    """Where strategies overtake the reference, as far as they start behind it."""
    found = {strategy.label: strategy.break_even_steps for strategy in _timed(result)}
    return {label: steps for label, steps in found.items() if steps is not None and steps > 1 and label != REFERENCE}


def _choice(results: Sequence[ShapeResult]) -> list[ShapeResult]:
    """At most `_MOST` shapes: from each panel of the sweep the middle one, and those spread evenly."""
    field = panels.axis_of(results) if len(results) > _MOST else None
    groups = [panel.results for panel in panels.panels(results, field)] if field else [[each] for each in results]
    middle = [group[len(group) // 2] for group in groups]
    if len(middle) <= _MOST:
        return middle
    return [middle[round(place * (len(middle) - 1) / (_MOST - 1))] for place in range(_MOST)]


def _line(axes: Axes, strategy: StrategyResult, reference: StrategyResult, look: Look, last: float) -> None:
    xs = [last ** (place / 96) for place in range(97)]
    ys = [total_seconds(reference, x) / total_seconds(strategy, x) for x in xs]
    axes.plot(xs, ys, label=strategy.label, **look)


def _mark(axes: Axes, result: ShapeResult, *, words: bool) -> None:
    crossings = _crossings(result)
    for label, steps in crossings.items():
        axes.plot([steps], [1], label=f"{label} overtakes", zorder=4, **_RING)
    lines = [f"{shorten(label, 20)}: {_exact(steps)}" for label, steps in crossings.items()]
    if lines and words:
        text = "\n".join(["pays off after", *lines[:_LINES], *(["…"] if len(lines) > _LINES else [])])
        look: Look = {
            "fontsize": 9,
            "va": "bottom",
            "ha": "right",
            "color": INK,
            "linespacing": 1.25,
            "multialignment": "left",
            "zorder": 5,
        }
        box: Look = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2}
        axes.text(0.98, 0.04, text, transform=axes.transAxes, bbox=box, **look)


def _exact(steps: float) -> str:
    rounded = float(f"{math.ceil(steps):.2g}")
    return f"{rounded:,.0f} step{'' if rounded == 1 else 's'}"


def _short(value: float) -> str:
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
