"""How a training went: loss and score of every step."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from echo_rnn.plots import style
from echo_rnn.plots.style import BLUE, INK, VERMILLION, Look

_BINS = 240
_FEWEST = 8000  # a bin has at least this fraction of all steps


class Bins(NamedTuple):
    """Consecutive training steps put together for display.

    Attributes:
        edges: Where bin i starts, and where the last one ends; steps count from 1.
        low: The smallest value.
        fifth: The 5th percentile.
        mean: The mean.
        ninety_fifth: The 95th percentile.
        high: The largest value.
    """

    edges: NDArray[np.int64]
    low: NDArray[np.float64]
    fifth: NDArray[np.float64]
    mean: NDArray[np.float64]
    ninety_fifth: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def steps(self) -> NDArray[np.float64]:
        """The middle of each bin on a logarithmic axis."""
        middles: NDArray[np.float64] = np.sqrt(self.edges[:-1] * (self.edges[1:] - 1.0))
        return middles


@style.styled()
def training_curves(
    losses_N: NDArray[np.floating],
    scores_N: NDArray[np.floating],
    windows: int,
    validation: Sequence[tuple[int, float, float]] = (),
    ceiling: float | None = None,
    labels: tuple[str, str] = ("cross-entropy [nats]", "accuracy"),
) -> Figure:
    """Loss above, score below, by training step; both axes of time are logarithmic, since learning starts early.

    Args:
        losses_N: Loss of each training step in nats; N counts training steps here.
        scores_N: Accuracy, or squared error, of each training step.
        windows: Training steps of an epoch.
        validation: For each look at the validation series the training steps done before it, its loss, its score.
        ceiling: The score of the best predictor on the validation series.
        labels: Of the two axes.
    """
    figure = style.figure(5.8)
    loss, accuracy = figure.subplots(2, 1, sharex=True)
    steps = [step for step, _, _ in validation]
    losses = binned(losses_N)
    _curve(loss, losses, steps, [value for _, value, _ in validation])
    scores = binned(scores_N)
    _curve(accuracy, scores, steps, [value for _, _, value in validation])
    if ceiling is not None:
        best = f"best predictor on it: {ceiling:.5f}"
        accuracy.axhline(ceiling, color=INK, linestyle="--", linewidth=1.4, label=best, zorder=1.5)
    for axes, label, bins in ((loss, labels[0], losses), (accuracy, labels[1], scores)):
        axes.set_ylabel(label)
        if label != "accuracy" and bins.mean.min() > 0 and bins.mean.max() >= 10 * bins.mean.min():
            axes.set_yscale("log")
    accuracy.set_xscale("log")
    accuracy.set_xlim(losses.steps[0], max(2, len(losses_N)))
    accuracy.set_xlabel("training step, one window each (logarithmic)")
    accuracy.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    epochs = loss.secondary_xaxis("top", functions=(lambda step: step / windows, lambda epoch: epoch * windows))
    epochs.set_xlabel("epoch")
    epochs.xaxis.set_major_formatter(FuncFormatter(lambda epoch, _: f"{epoch:g}"))
    handles, names = accuracy.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), columnspacing=1.6)
    return figure


def binned(values_N: NDArray[np.floating]) -> Bins:
    """At most `_BINS` bins, of equal width on a logarithmic axis where that is not too few steps for a mean."""
    fewest = max(1, len(values_N) // _FEWEST)
    multiples = np.geomspace(1, np.ceil(len(values_N) / fewest) + 1, _BINS + 1).round().astype(np.int64) - 1
    edges = np.unique(np.minimum(1 + fewest * multiples, len(values_N) + 1))
    # One after another: a long history is mapped from a file, and only a piece of it need be in memory.
    pieces = (values_N[start - 1 : end - 1].astype(np.float64) for start, end in pairwise(edges))
    columns = [(p.min(), np.quantile(p, 0.05), p.mean(), np.quantile(p, 0.95), p.max()) for p in pieces]
    return Bins(edges, *np.array(columns).T)


def _curve(axes: Axes, bins: Bins, steps: Sequence[int], values: Sequence[float]) -> None:
    axes.fill_between(
        bins.steps, bins.low, bins.high, color=BLUE, alpha=0.16, linewidth=0, label="training: every step"
    )
    axes.fill_between(
        bins.steps, bins.fifth, bins.ninety_fifth, color=BLUE, alpha=0.32, linewidth=0, label="9 steps in 10"
    )
    axes.plot(bins.steps, bins.mean, color=BLUE, label="mean")
    if steps:
        look: Look = {"color": VERMILLION, "markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.7}
        axes.plot(steps, values, "D", label="validation series", zorder=3, clip_on=False, **look)
    axes.grid(axis="y")
