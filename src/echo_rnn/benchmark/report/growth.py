"""How the time of a training step grows with one size of a shape, the others held."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit
from scipy.stats import linregress

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.grid import labels, panels
from echo_rnn.benchmark.report.results import Interval, ShapeResult

WORK = {"window": 1, "batch_size": 1, "units": 2}
"""With which power of each size the matrix products of a step grow, where the size is large."""

_FEWEST = 3
_TAIL = 0.975


@dataclass(frozen=True)
class Growth:
    """One strategy along one size.

    Attributes:
        label: The strategy.
        field: The size, a key of `WORK`.
        shape: The smallest of the shapes.
        values: The size's values.
        exponent: Slope of log time over log size by least squares, with its 95 % interval.
    """

    label: str
    field: str
    shape: Shape
    values: list[int]
    exponent: Interval


def growths(results: Sequence[ShapeResult]) -> Iterator[Growth]:
    """Fits every series of at least three shapes that differ in one size only."""
    for field in WORK:
        for panel in panels(results, field):
            for label in labels(panel.results):
                times = {
                    int(getattr(result.shape, field)): own.step_seconds
                    for result in panel.results
                    if (own := result.of(label)) and own.step_seconds
                }
                if len(times) >= _FEWEST:
                    yield Growth(label, field, panel.results[0].shape, list(times), _exponent(times))


def _exponent(times: dict[int, float]) -> Interval:
    fit = linregress(np.log(list(times)), np.log(list(times.values())))
    half = float(stdtrit(len(times) - 2, _TAIL)) * float(fit.stderr)
    slope = float(fit.slope)
    return Interval(slope, slope - half, slope + half)
