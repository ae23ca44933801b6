"""Every picture of a benchmark, in the order in which a report shows them, with how to read it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from echo_rnn.benchmark.results import ShapeResult


class Picture(NamedTuple):
    """One kind of picture.

    Attributes:
        name: Of its file, without the suffix.
        title: What it shows.
        reading: How to read it.
        draw: Draws it, or says with `None` that there is nothing to draw.
    """

    name: str
    title: str
    reading: str
    draw: Callable[[Sequence[ShapeResult]], Figure | None]


PICTURES: tuple[Picture, ...] = ()
