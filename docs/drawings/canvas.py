"""What the drawings are made of, on a plane whose unit is half an inch: cells, loops, brackets, the key."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.transforms import Affine2D

from echo_rnn.plots.style import BLUE, INK, MUTED, WIDTH, Look

UNIT = 0.5  # inches
RIGHT = WIDTH / UNIT

STORED_FILL = "#cfe4f2"
PRODUCT = "#fbe0a8"
EMPTY = "white"

OWN: Look = {"edgecolor": INK, "linewidth": 1.5, "linestyle": "-"}
AGAIN: Look = {"edgecolor": MUTED, "linewidth": 1.0, "linestyle": (0, (4, 2.5))}
FAINT: Look = {"edgecolor": "#c4c4c4", "linewidth": 0.8, "linestyle": "-"}

BODY_SIZE = 11.0
SMALL_SIZE = 9.5


class Canvas:
    """A figure of the common width to draw on."""

    def __init__(self, height: float, title: str) -> None:
        """An empty canvas.

        Args:
            height: In units.
            title: Stands at the top.
        """
        self.figure = Figure(figsize=(WIDTH, height * UNIT))
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, RIGHT)
        self.axes.set_ylim(0, height)
        self.text(0.3, height - 0.5, title, fontsize=13, weight="bold")

    def text(self, x: float, y: float, text: str, **options: Any) -> None:
        """Text, by default with its left end at `x` and its middle at `y`."""
        look: Look = {"ha": "left", "va": "center", "fontsize": BODY_SIZE, "zorder": 5} | options
        self.axes.text(x, y, text, **look)

    def heading(self, x: float, y: float, text: str) -> None:
        """The name of a part of the drawing."""
        self.text(x, y, text, color=MUTED, fontsize=10.5, weight="bold")

    def note(self, x: float, y: float, text: str, **options: Any) -> None:
        """A remark in small letters."""
        self.text(x, y, text, **({"fontsize": SMALL_SIZE, "color": INK} | options))

    def box(
        self,
        corner: tuple[float, float],
        size: tuple[float, float],
        text: str = "",
        *,
        line: Look = OWN,
        fill: str = STORED_FILL,
        hatch: str | None = None,
        **options: Any,
    ) -> None:
        """A rectangle with text in its middle."""
        self.axes.add_patch(Rectangle(corner, *size, facecolor=fill, zorder=2, **line))
        if hatch is not None:
            pattern: Look = {"hatch": hatch, "edgecolor": "#bdbdbd", "linewidth": 0}
            self.axes.add_patch(Rectangle(corner, *size, fill=False, zorder=2.5, **pattern))
        if text:
            x, y = corner[0] + size[0] / 2, corner[1] + size[1] / 2
            self.text(x, y, text, ha="center", va="center_baseline", **options)

    def capsule(
        self, start: tuple[float, float], end: tuple[float, float], width: float, line: Look, fill: str = STORED_FILL
    ) -> None:
        """A rectangle with round ends around the points `start` and `end`, at any slant."""
        length = math.dist(start, end)
        patch = FancyBboxPatch(
            (0, -width / 2),
            length,
            width,
            boxstyle=f"round,pad=0,rounding_size={width / 2}",
            facecolor=fill,
            zorder=2,
            **line,
        )
        patch.set_bounds(-width / 2, -width / 2, length + width, width)
        turn = Affine2D().rotate(math.atan2(end[1] - start[1], end[0] - start[0])).translate(*start)
        patch.set_transform(turn + self.axes.transData)
        self.axes.add_patch(patch)

    def loop(self, corner: tuple[float, float], size: tuple[float, float], turns: str = "") -> None:
        """A frame around what one turn of a loop does, with an arrow back to its start."""
        (x, y), (width, height) = corner, size
        style = "round,pad=0,rounding_size=0.15"
        line: Look = {"fill": False, "edgecolor": BLUE, "linewidth": 1.6}
        self.axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, zorder=3, **line))
        self.axes.plot(x + width / 2, y + height, "<", color=BLUE, markersize=7, zorder=4)
        self.text(x + width / 2, y + height + 0.35, turns, ha="center", color=BLUE, fontsize=SMALL_SIZE)

    def bracket(self, left: float, right: float, y: float, text: str) -> None:
        """A bracket that opens downwards, over what belongs together."""
        xs, ys = [left, left, right, right], [y - 0.12, y, y, y - 0.12]
        self.axes.plot(xs, ys, color=BLUE, linewidth=1.3)
        self.text((left + right) / 2, y + 0.27, text, ha="center", color=BLUE, fontsize=SMALL_SIZE)

    def arrow(self, start: tuple[float, float], end: tuple[float, float], **options: Any) -> None:
        """A thin arrow."""
        look: Look = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0} | options
        self.axes.annotate("", end, start, arrowprops=look, zorder=4)

    def key(self, entries: Sequence[tuple[Look, str]], y: float = 0.45) -> None:
        """What the signs mean, in one line at the bottom; each entry is how its box is drawn, and what it means."""
        x = 0.3
        for look, meaning in entries:
            number = look.get("text", "")
            self.box((x, y - 0.2), (0.62, 0.4), **({"text": number, "fontsize": SMALL_SIZE} | look))
            self.note(x + 0.78, y, meaning)
            x += 0.78 + 0.148 * len(meaning) + 0.45
