"""What all pictures share: colours, sizes, fonts, and how a figure becomes a file.

The colours are Okabe and Ito's, told apart with every kind of colour vision; no meaning hangs on colour alone.
Source: Okabe and Ito 2008, "Color Universal Design".
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from echo_rnn.files import replacing

INK = "#222222"
MUTED = "#6b6b6b"
FAINT = "#d9d9d9"
BLUE = "#0072b2"
SKY = "#56b4e9"
ORANGE = "#e69f00"
VERMILLION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"

Look = dict[str, Any]
"""How something is drawn: keyword arguments of matplotlib."""

WIDTH = 9.0  # inches; with 100 screen pixels each this is the width of a README
_DPI = 160  # of the file, so that it stays sharp on a screen with small pixels

_STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 11.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "lines.linewidth": 1.8,
}


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's defaults and the style above, whatever a person's own settings are; also decorates functions."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def figure(height: float) -> Figure:
    """An empty figure of the common width; `height` in inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


@styled()
def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, atomically; the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: A file whose name ends in `.png`; its folder is created where missing.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI)
    # 256 colours of its own are enough for any figure here and make a file a third the size; what matplotlib and its
    # version wrote into the picture's metadata stays behind.
    colours = Image.open(picture).convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with replacing(path) as temporary:
        colours.save(temporary, format="png", optimize=True)
