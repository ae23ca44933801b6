"""How a training went: loss and accuracy of every step."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echo_rnn.plots import style
from echo_rnn.plots.style import BLUE, GREEN, INK, MUTED, SKY, VERMILLION

_BINS = 300


class Bins(NamedTuple):
    """Consecutive training steps put together for display; `steps` are the middles."""

    steps: NDArray[np.float64]
    low: NDArray[np.float64]
    mean: NDArray[np.float64]
    high: NDArray[np.float64]


@style.styled
def training_curves(
    losses_N: NDArray[np.floating],
    accuracies_N: NDArray[np.floating],
    windows: int,
    validation: Sequence[tuple[int, float, float]] = (),
    ceiling: float | None = None,
) -> Figure:
    """Loss above, accuracy below, by training step.

    Args:
        losses_N: Loss of each training step in nats, here N counts training steps.
        accuracies_N: Accuracy of each training step.
        windows: Training steps of an epoch.
        validation: Training step after which it was measured, loss, accuracy.
        ceiling: The best accuracy that any network can reach.
    """
    figure = style.figure(5.6)
    loss, accuracy = figure.subplots(2, 1, sharex=True)
    steps = [step for step, _, _ in validation]
    _curve(loss, binned(losses_N), BLUE)
    loss.plot(steps, [value for _, value, _ in validation], "D", color=VERMILLION, label="validation")
    _curve(accuracy, binned(accuracies_N), GREEN)
    accuracy.plot(steps, [value for _, _, value in validation], "D", color=VERMILLION, label="validation")
    if ceiling is not None:
        accuracy.axhline(ceiling, color=INK, linestyle="--", label=f"ceiling {ceiling:.5f}")
    loss.set_ylabel("cross-entropy [nats]")
    accuracy.set_ylabel("accuracy")
    accuracy.set_xlabel("training step (one window each)")
    epochs = loss.secondary_xaxis("top", functions=(lambda n: n / windows, lambda e: e * windows))
    epochs.set_xlabel("epoch")
    loss.legend()
    accuracy.legend(loc="lower right")
    return figure


def binned(values_N: NDArray[np.floating]) -> Bins:
    """At most `_BINS` bins of equal size."""
    edges = np.unique(np.linspace(0, len(values_N), _BINS + 1).astype(int))
    starts, ends = edges[:-1], edges[1:]
    values = values_N.astype(np.float64)
    return Bins(
        (starts + ends + 1) / 2,
        np.minimum.reduceat(values, starts),
        np.add.reduceat(values, starts) / (ends - starts),
        np.maximum.reduceat(values, starts),
    )


def _curve(axes: Axes, bins: Bins, color: str) -> None:
    axes.fill_between(bins.steps, bins.low, bins.high, color=SKY, alpha=0.3, linewidth=0, label="smallest to largest")
    axes.plot(bins.steps, bins.mean, color=color, label="mean")
    axes.grid(axis="y", color=MUTED, alpha=0.2)
