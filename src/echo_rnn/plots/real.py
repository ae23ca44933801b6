"""Predictions of real targets: the worst place, and what an evaluation shows about them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from echo_rnn.plots import style
from echo_rnn.plots.style import BLUE, INK, MUTED, ORANGE, SKY, VERMILLION


@style.styled()
def worst_picture(
    series: Mapping[str, NDArray[np.floating]], first: int, row: int, names: Sequence[str], sample_rate: int | None
) -> Figure:
    """Target, prediction and linear filter where the prediction is worst, and the error below.

    Args:
        series: `target`, `prediction` and `linear filter`, each `[N, K]` in raw units.
        first: The step of the row at which they begin.
        row: The row of the test series.
        names: Of the targets.
        sample_rate: Steps per second, or `None`.
    """
    shown = min(len(names), 3)
    figure = style.figure(1.2 + 2.2 * shown)
    all_axes = figure.subplots(shown, 1, sharex=True, squeeze=False)[:, 0]
    times = first + np.arange(len(series["target"]))
    for index, axes in enumerate(all_axes):
        axes.plot(times, series["linear filter"][:, index], color=MUTED, linewidth=1, label="linear filter")
        axes.plot(times, series["target"][:, index], color=INK, linewidth=1.6, label="target")
        axes.plot(times, series["prediction"][:, index], "--", color=VERMILLION, linewidth=1.4, label="prediction")
        axes.set_ylabel(names[index])
        axes.grid(axis="y")
    all_axes[0].set_title(f"Where the prediction is worst (row {row})")
    unit = "" if sample_rate is None else f" of 1/{sample_rate:,} s"
    all_axes[-1].set_xlabel(f"time step{unit}")
    all_axes[-1].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


@style.styled()
def real_diagnosis(
    carried_T: NDArray[np.floating],
    zeroed_T: NDArray[np.floating],
    spectra: tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]] | None,
    esr_db: Mapping[str, float],
    sample_rate: int | None,
) -> Figure:
    """What a warm state buys, at which frequencies the error lies, and the score beside its baselines.

    Args:
        carried_T: Root mean squared error at each time step of a window with the state carried.
        zeroed_T: The same with the state zeroed before every window: by steps since a reset.
        spectra: Frequencies in cycles per step, power of the targets and of the errors; `None` for short series.
        esr_db: Error-to-signal ratio in dB by name, the network's first.
        sample_rate: Steps per second, or `None`.
    """
    figure = style.figure(3.3)
    position, spectrum, scores = figure.subplots(1, 3, width_ratios=(1.25, 1.25, 1))
    _errors(position, carried_T, zeroed_T)
    _spectra(spectrum, spectra, sample_rate)
    names = list(esr_db)
    scores.barh(names, [esr_db[name] for name in names], color=[BLUE, *[SKY] * (len(names) - 1)])
    for index, name in enumerate(names):
        scores.text(esr_db[name], index, f" {esr_db[name]:.1f} ", va="center", ha="left", fontsize=9.5)
    scores.axvline(0, color=INK, linewidth=1)
    scores.invert_yaxis()
    scores.set_title("Error-to-signal ratio")
    scores.set_xlabel("dB (lower is better)")
    return figure


def _errors(axes: Axes, carried_T: NDArray[np.floating], zeroed_T: NDArray[np.floating]) -> None:
    steps = 1 + np.arange(len(carried_T))
    axes.plot(steps, zeroed_T, "--", color=VERMILLION, label="state zeroed at the window")
    axes.plot(steps, carried_T, color=BLUE, label="state carried")
    axes.set_xscale("log")
    errors = np.concatenate([carried_T, zeroed_T])
    known = errors[np.isfinite(errors)]  # of positions that have targets
    if known.size and known.min() > 0:
        axes.set_yscale("log")
    axes.set_title("What a warm state buys")
    axes.set_xlabel("steps since the window began")
    axes.set_ylabel("RMSE")
    axes.grid(axis="y")
    axes.legend(loc="upper right")


def _spectra(
    axes: Axes,
    spectra: tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]] | None,
    sample_rate: int | None,
) -> None:
    axes.set_title("Spectra")
    if spectra is None:
        axes.text(0.5, 0.5, "too few steps", ha="center", va="center", transform=axes.transAxes)
        return
    frequencies, target, error = spectra
    for power, color, label in ((target, ORANGE, "target"), (error, BLUE, "error")):
        axes.plot(
            frequencies[1:] * (sample_rate or 1), 10 * np.log10(np.maximum(power[1:], 1e-20)), color=color, label=label
        )
    axes.set_xscale("log")
    axes.set_xlabel("frequency [Hz]" if sample_rate else "frequency [cycles per step]")
    axes.set_ylabel("power density [dB]")
    axes.grid(axis="y")
    axes.legend(loc="best")
