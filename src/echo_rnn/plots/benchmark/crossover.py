"""Where unrolling wins and where the loop does: a map of two strategies over units and rows."""

from collections.abc import Sequence
from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.results import ShapeResult, StrategyResult
from echo_rnn.plots import style
from echo_rnn.plots.benchmark import panels
from echo_rnn.plots.style import FAINT, INK, MUTED, Look

CHALLENGER = "static"
NO_DIFFERENCE = "no difference"
_LARGE = 2
_FASTER, _SLOWER = ("#cfe6f5", "#56b4e9"), ("#fbe3c0", "#e69f00")  # a smaller and a larger factor


@style.styled
def crossover(results: Sequence[ShapeResult]) -> Figure | None:
    """The winner of static and dynamic for each S and B; one map for each T and all else that varies.

    `None` where static was measured at fewer than two shapes, or S and B do not vary.
    """
    with_both = [result for result in results if result.of(CHALLENGER) and result.of(REFERENCE)]
    if not {"units", "batch_size"} & set(panels.varying(with_both)) if with_both else True:
        return None
    groups = panels.panels(with_both, "units", "batch_size")
    units = sorted({result.shape.units for result in with_both})
    rows = sorted({result.shape.batch_size for result in with_both})
    columns = 3 if len(units) <= 3 else 2 if len(units) <= 5 else 1
    figure, all_axes = panels.figure_of(len(groups), with_both, 0.6 + 0.66 * len(rows), columns=columns, room=0.75)
    for axes, group in zip(all_axes, groups, strict=True):
        axes.set_title(group.title, fontsize=10.5)
        _map(axes, group.results, units, rows)
    figure.legend(
        handles=[
            Patch(facecolor=_FASTER[0], label=f"{CHALLENGER} faster"),
            Patch(facecolor=_FASTER[1], label="twice or more"),
            Patch(facecolor=_SLOWER[0], label=f"{REFERENCE} faster"),
            Patch(facecolor=_SLOWER[1], label="twice or more"),
            Patch(label="no difference shown", **_undecided()),
        ],
        loc="outside lower center",
        ncols=5,
        columnspacing=1.4,
    )
    return figure


def _map(axes: Axes, results: Sequence[ShapeResult], units: Sequence[int], rows: Sequence[int]) -> None:
    for x, y in product(range(len(units)), range(len(rows))):
        axes.text(x, y, "not\nmeasured", ha="center", va="center", fontsize=8.5, color=MUTED, zorder=0.4)
    for result in results:
        found = result.of(CHALLENGER)
        assert found is not None
        x, y = units.index(result.shape.units), rows.index(result.shape.batch_size)
        text, look = _cell(found)
        axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, **look))
        box: Look | None = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if look.get("hatch") else None
        if found.speedup is not None:
            low, high = found.speedup.low, found.speedup.high
            low, high = (1 / high, 1 / low) if found.verdict == "slower" else (low, high)
            text += f"\n{low:.2f} … {high:.2f}"
        axes.text(x, y, text, ha="center", va="center", fontsize=9, color=INK, linespacing=1.15, bbox=box)
    axes.set_xlim(-0.5, len(units) - 0.5)
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_xticks(range(len(units)), [str(each) for each in units])
    axes.set_yticks(range(len(rows)), [str(each) for each in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    panels.name_below(axes, panels.AXES["units"])
    panels.name_left(axes, panels.AXES["batch_size"])


def _cell(found: StrategyResult) -> tuple[str, Look]:
    """What a cell says, and how it looks."""
    if found.verdict == "wrong":
        return f"{CHALLENGER}\nis wrong", {"facecolor": "white", "edgecolor": INK, "linewidth": 1.5}
    if found.speedup is None or found.verdict == "no difference shown":
        return NO_DIFFERENCE, _undecided()
    factor = found.speedup.estimate if found.verdict == "faster" else 1 / found.speedup.estimate
    winner, tints = (CHALLENGER, _FASTER) if found.verdict == "faster" else (REFERENCE, _SLOWER)
    return f"{winner}\n{factor:.2f}×", {"facecolor": tints[factor >= _LARGE], "linewidth": 0}


def _undecided() -> Look:
    return {"facecolor": "white", "hatch": "////", "edgecolor": FAINT, "linewidth": 0.8}
