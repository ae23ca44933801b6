"""The drawings of docs/unrolling.md: the grid, how each strategy walks it, and the two figures of the article."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from drawings.grid import grid
from drawings.reshape import labels, reshape
from drawings.strategies import STRATEGIES

__all__ = ["PICTURES", "STRATEGIES"]

PICTURES: Mapping[str, Callable[[], Figure]] = {"grid": grid, **STRATEGIES, "reshape": reshape, "labels": labels}
"""What is drawn, by the name of its file."""
