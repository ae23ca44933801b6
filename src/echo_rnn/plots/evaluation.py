"""Predictions of a trained network bit by bit, and what they show about it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from echo_rnn.plots import style
from echo_rnn.plots.style import BLUE, INK, MUTED, ORANGE, SKY, VERMILLION, Look

_STRIPS = {"input": 2.5, "target": 1.3, "prediction": 0.0}
_STRIP = 0.9
_ERROR: Look = {"color": VERMILLION, "markersize": 7, "markeredgecolor": "white", "markeredgewidth": 0.6}
_UNKNOWABLE: Look = {"fill": False, "edgecolor": MUTED, "hatch": "////", "linewidth": 0.5}


@style.styled()
def echo_picture(
    x_BN: NDArray[np.integer],
    y_BN: NDArray[np.integer],
    p_BN: NDArray[np.floating],
    window: int,
    echo_step: int,
    *,
    steps: int = 60,
    rows: int = 5,
) -> Figure:
    """Input bits, target bits and predicted probabilities of each row over time.

    Args:
        x_BN: Input bits.
        y_BN: Target bits.
        p_BN: Predicted probability that the target is 1.
        window: Time steps of a window.
        echo_step: Steps from an input to its echo.
        steps: How many time steps are shown at most.
        rows: How many rows are shown at most.
    """
    rows, steps = min(rows, x_BN.shape[0]), min(steps, x_BN.shape[1])
    figure = style.figure(1.1 + 1.12 * rows)
    all_axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for row, axes in enumerate(all_axes):
        axes.set_title(f"row {row}", fontsize=10.5, pad=3)
        x_N, y_N, p_N = x_BN[row, :steps], y_BN[row, :steps], p_BN[row, :steps]
        _strips(axes, steps, window)
        for strip, bits_N, color in (("input", x_N, BLUE), ("target", y_N, ORANGE)):
            ones = np.flatnonzero(bits_N)
            axes.bar(ones, _STRIP, width=0.86, bottom=_STRIPS[strip], color=color, label=strip, zorder=1)
        _probabilities(axes, p_N)
        errors = np.flatnonzero((p_N > 0.5) != (y_N == 1))
        axes.plot(errors, np.full(len(errors), _STRIP / 2), "X", label="error", zorder=4, **_ERROR)
        # The first targets of a row echo inputs before the row.
        axes.add_patch(Rectangle((-0.5, _STRIPS["target"]), min(echo_step, steps), _STRIP, zorder=1.5, **_UNKNOWABLE))
    _one_echo(all_axes[0], x_BN[0, :steps], echo_step)
    all_axes[-1].set_xlabel("time step (lines: where a window ends)")
    figure.legend(
        handles=[
            Patch(color=BLUE, label="input 1"),
            Patch(color=ORANGE, label="target 1"),
            Line2D([], [], color=INK, label="predicted probability of 1"),
            Line2D([], [], marker="X", linestyle="", label="error", **_ERROR),
            Patch(label="echo of what the row never saw", **_UNKNOWABLE),
        ],
        loc="outside lower center",
        ncols=5,
        columnspacing=1.4,
        handlelength=1.5,
    )
    return figure


def _probabilities(axes: Axes, p_N: NDArray[np.floating]) -> None:
    axes.plot([-0.5, len(p_N) - 0.5], [_STRIP / 2] * 2, ":", color=MUTED, linewidth=0.8, zorder=1)
    edges = np.arange(len(p_N) + 1) - 0.5
    axes.stairs(p_N * _STRIP, edges, baseline=None, color=INK, linewidth=1.4, label="prediction", zorder=2)


def _strips(axes: Axes, steps: int, window: int) -> None:
    """The strips with their names, and lines where windows end."""
    for bottom in _STRIPS.values():
        axes.add_patch(Rectangle((-0.5, bottom), steps, _STRIP, facecolor="#f1f1f1", linewidth=0, zorder=0.5))
    for end in range(window, steps, window):
        axes.axvline(end - 0.5, color=MUTED, linewidth=1, zorder=3)
    axes.set_yticks([bottom + _STRIP / 2 for bottom in _STRIPS.values()], list(_STRIPS), fontsize=9.5)
    axes.tick_params(length=0)
    axes.set_xticks(range(0, steps + 1, window))
    axes.set_xlim(-0.5, steps - 0.5)
    axes.set_ylim(-0.12, 3.5)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _one_echo(axes: Axes, x_N: NDArray[np.integer], echo_step: int) -> None:
    """An arrow from one input bit to its echo."""
    found = [t for t in np.flatnonzero(x_N) if echo_step <= t < len(x_N) - echo_step]
    if found:
        start, end = (found[0], _STRIPS["input"] + 0.2), (found[0] + echo_step, _STRIPS["target"] + 0.7)
        arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end, start, arrowprops=arrow, zorder=5)
        meaning = f"arrow: an input and its echo, echo_step = {echo_step}"
        axes.set_title(meaning, loc="right", fontsize=9.5, fontweight="normal", pad=3)


@style.styled()
def diagnosis(
    by_position_T: NDArray[np.floating],
    by_position_zeroed_T: NDArray[np.floating],
    by_lag_K: NDArray[np.floating],
    confusion_CC: NDArray[np.integer],
    echo_step: int | None,
    chance: float = 0.5,
) -> Figure:
    """What is gained by carrying the state, which lag was learnt, and the confusion matrix.

    Args:
        by_position_T: Accuracy at each time step of a window with the state carried.
        by_position_zeroed_T: The same with the state zeroed before every window.
        by_lag_K: Share of predictions that equal the input k steps earlier, for k = 0, 1, …
        confusion_CC: Counts, true class by predicted class.
        echo_step: Steps from an input to its echo; `None` where targets are no echoes, and then without lags.
        chance: Accuracy of the best guess without the input.
    """
    figure = style.figure(3.3)
    if echo_step is None:
        position, confusion = figure.subplots(1, 2, width_ratios=(1.25, 1))
    else:
        position, lag, confusion = figure.subplots(1, 3, width_ratios=(1.25, 1.25, 1))
        _lags(lag, by_lag_K, echo_step)
    _positions(position, by_position_T, by_position_zeroed_T)
    position.axhline(chance, color=INK, linestyle=":", linewidth=1.2)
    _confusion(confusion, confusion_CC)
    return figure


def _positions(axes: Axes, carried_T: NDArray[np.floating], zeroed_T: NDArray[np.floating]) -> None:
    times = np.arange(len(carried_T))
    axes.plot(times, carried_T, "o-", color=BLUE, markersize=5, label="state carried")
    axes.plot(times, zeroed_T, "s--", color=VERMILLION, markersize=5, markerfacecolor="white", label="state zeroed")
    axes.set_title("Gain from carrying the state")
    axes.set_xlabel("time step in the window")
    axes.set_ylabel("accuracy")
    axes.set_ylim(0, 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.legend(loc="lower right", handlelength=2.8)


def _lags(axes: Axes, by_lag_K: NDArray[np.floating], echo_step: int) -> None:
    lags = np.arange(len(by_lag_K))
    colors = [BLUE if lag == echo_step else SKY for lag in lags]
    axes.bar(lags, by_lag_K, color=colors, width=0.75)
    axes.axhline(0.5, color=INK, linestyle=":", linewidth=1.2)
    axes.text(len(lags) - 0.5, 0.52, "chance", ha="right", va="bottom", fontsize=9.5)
    if echo_step < len(lags):
        axes.text(echo_step + 0.55, 0.98, f"echo_step = {echo_step}", va="top", fontsize=9.5)
    axes.set_title("What the predictions repeat")
    axes.set_xlabel("lag k [time steps]")
    axes.set_ylabel("share equal to input at t − k")
    axes.set_ylim(0, 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _confusion(axes: Axes, confusion_CC: NDArray[np.integer]) -> None:
    share_CC = confusion_CC / np.maximum(confusion_CC.sum(axis=1, keepdims=True), 1)
    axes.imshow(share_CC, cmap="Blues", vmin=0, vmax=2.2, aspect="auto")
    for (true, predicted), count in np.ndenumerate(confusion_CC):
        axes.text(predicted, true, f"{count:,}", ha="center", va="center", fontsize=12)
    classes = range(len(confusion_CC))
    axes.set_xticks(classes, [str(each) for each in classes])
    axes.set_yticks(classes, [str(each) for each in classes])
    axes.set_title("Confusion, in targets")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
