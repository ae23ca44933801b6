"""What a trained network says: its predictions bit by bit, and what they tell about it."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from echo_rnn.plots import style
from echo_rnn.plots.style import BLUE, INK, MUTED, ORANGE, VERMILLION


@style.styled
def echo_picture(
    x_BN: NDArray[np.integer],
    y_BN: NDArray[np.integer],
    p_BN: NDArray[np.floating],
    window: int,
    echo_step: int,
    *,
    steps: int = 60,
) -> Figure:
    """Input bits, target bits and predictions of every row over time.

    Args:
        x_BN: Input bits.
        y_BN: Target bits.
        p_BN: Predicted probability that the target is 1.
        window: Time steps of a window.
        echo_step: Steps from an input to its echo.
        steps: How many time steps are shown at most.
    """
    rows, steps = x_BN.shape[0], min(steps, x_BN.shape[1])
    figure = style.figure(0.8 + 1.2 * rows)
    for row, axes in enumerate(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]):
        times = np.arange(steps)
        axes.bar(times, x_BN[row, :steps], width=1, bottom=2.4, color=BLUE)
        axes.bar(times, y_BN[row, :steps], width=1, bottom=1.2, color=ORANGE)
        axes.step(times, p_BN[row, :steps], where="mid", color=INK)
        wrong = np.flatnonzero((p_BN[row, :steps] > 0.5) != (y_BN[row, :steps] == 1))
        axes.plot(wrong, np.full(len(wrong), 0.5), "x", color=VERMILLION)
        for start in range(0, steps, window):
            axes.axvline(start - 0.5, color=MUTED)
        axes.set_yticks([0.5, 1.7, 2.9], ["prediction", "target", "input"])
    axes.set_xlabel("time step")
    return figure


@style.styled
def diagnosis(
    by_position_T: NDArray[np.floating],
    by_position_zeroed_T: NDArray[np.floating],
    by_lag_K: NDArray[np.floating],
    confusion_CC: NDArray[np.integer],
    echo_step: int,
) -> Figure:
    """What carrying the state buys, which lag was learnt, and the confusion matrix.

    Args:
        by_position_T: Accuracy at each time step of a window with the state carried.
        by_position_zeroed_T: The same with the state zeroed before every window.
        by_lag_K: Share of predictions that equal the input k steps earlier, for k = 0, 1, …
        confusion_CC: Counts, true class by predicted class.
        echo_step: Steps from an input to its echo.
    """
    figure = style.figure(3.4)
    position, lag, confusion = figure.subplots(1, 3)
    position.plot(by_position_T, "o-", color=BLUE, label="carried")
    position.plot(by_position_zeroed_T, "s--", color=ORANGE, label="zeroed")
    position.legend()
    lag.bar(np.arange(len(by_lag_K)), by_lag_K, color=BLUE)
    confusion.imshow(confusion_CC, cmap="Blues")
    return figure
