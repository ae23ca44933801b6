"""How far truncated backpropagation remembers, as a table and a picture.

    python -m pipelines.train -m experiment=horizon hydra.sweep.dir=multirun/horizon
    python docs/horizon.py multirun/horizon [docs/images/horizon.png]

Of each job the accuracy on the test series, with the state carried from window to window and with the state zeroed
before every window.
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from echo_rnn.config import read
from echo_rnn.plots import save, style

CARRIED, ZEROED = "state carried", "state zeroed at each window"
Found = dict[tuple[int, int], dict[str, float]]
"""Accuracies by window and distance of the echo."""


def found_in(sweep: Path) -> Found:
    """What the jobs of a sweep found."""
    found: Found = {}
    for file in sweep.glob("*/reports/evaluation/metrics.json"):
        config, metrics = read(file.parents[2] / "build" / "config.yaml"), json.loads(file.read_text())
        # Positions of a window hold equally many targets, but for the steps left over.
        accuracy = {CARRIED: metrics["accuracy"], ZEROED: float(np.mean(metrics["by_position_zeroed"]))}
        found[config.trainer.window, config.task.options["echo_step"]] = accuracy
    return dict(sorted(found.items()))


def table(found: Found) -> str:
    """Markdown: a row for each window, a column for each distance; with the state carried / zeroed."""
    windows, distances = (list(dict.fromkeys(sorted(each))) for each in zip(*found, strict=True))
    head = ["window \\ echo", *map(str, distances)]
    rows = [
        [
            str(window),
            *(" / ".join(f"{value:.2f}" for value in found[window, distance].values()) for distance in distances),
        ]
        for window in windows
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


@style.styled()
def picture(found: Found) -> Figure:
    """Two maps of accuracy over window and distance; the line is where the echo leaves the window."""
    windows, distances = (list(dict.fromkeys(sorted(each))) for each in zip(*found, strict=True))
    figure = style.figure(3.4)
    for axes, name in zip(figure.subplots(1, 2, sharey=True), (CARRIED, ZEROED), strict=True):
        accuracy_WD = [[found[window, distance][name] for distance in distances] for window in windows]
        axes.imshow(accuracy_WD, vmin=0.5, vmax=1, cmap="Blues", origin="lower", aspect="auto")
        for (row, column), value in np.ndenumerate(accuracy_WD):
            color = "white" if value > 0.75 else style.INK
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
        edges = [sum(distance < window for distance in distances) - 0.5 for window in windows]
        axes.stairs(
            edges, np.arange(len(windows) + 1) - 0.5, orientation="horizontal", color=style.VERMILLION, baseline=None
        )
        axes.set_xticks(range(len(distances)), distances)
        axes.set_yticks(range(len(windows)), windows)
        axes.set_xlabel("steps back to the bit that is echoed")
        axes.set_title(f"Accuracy, {name}")
        axes.grid(visible=False)
    figure.axes[0].set_ylabel("window [steps]")
    return figure


if __name__ == "__main__":
    mpl.use("agg")
    outcome = found_in(Path(sys.argv[1]))
    print(table(outcome))
    if len(sys.argv) > 2:
        save(picture(outcome), Path(sys.argv[2]))
