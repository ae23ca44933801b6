"""Orders of work: when each strategy computes layer l at time step t, and which box of the graph does it.

The drawings' orders are computed here, so that a test can compare them with the strategies themselves.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.int64]


@dataclass(frozen=True)
class Walk:
    """One way through the layer × time grid.

    Attributes:
        order_LT: The place of each cell in the order of work, from 1. Cells with the same number are computed at once.
        box_LT: Which box of the graph computes it, from 0; a box is what one cell adds to the graph.
        turn_LT: The iteration of its loop, from 1; 0 outside any loop.
        product_L: The places of the products over all time steps, one for each layer; empty where there are none.
    """

    order_LT: Grid
    box_LT: Grid
    turn_LT: Grid
    product_L: tuple[int, ...] = ()

    @property
    def last(self) -> int:
        """The last place: how many come one after another."""
        return max(int(self.order_LT.max()), *self.product_L, 0)

    @property
    def boxes(self) -> int:
        """How many boxes the graph holds."""
        return len(np.unique(self.box_LT))

    def backward(self) -> "Walk":
        """The same places from the last to the first: the backward pass runs in the opposite order."""
        return Walk(
            self.last + 1 - self.order_LT,
            self.box_LT,
            np.where(self.turn_LT > 0, self.turn_LT.max() + 1 - self.turn_LT, 0),
            tuple(self.last + 1 - place for place in self.product_L),
        )


def static(layers: int, steps: int) -> Walk:
    """Step by step, all layers of a step upwards, every cell a box of its own."""
    order_LT = _step_by_step(layers, steps)
    return Walk(order_LT, order_LT - 1, np.zeros_like(order_LT))


def dynamic(layers: int, steps: int) -> Walk:
    """The same order; a loop of T turns whose body is one time step."""
    return partial(layers, steps, 1)


def partial(layers: int, steps: int, body: int) -> Walk:
    """The same order; the remainder of T divided by `body` first, then a loop whose body is `body` time steps."""
    remainder = steps % body
    t_T = np.arange(steps)
    looped_T = t_T >= remainder
    column_T = np.where(looped_T, remainder + (t_T - remainder) % body, t_T)
    turn_T = np.where(looped_T, 1 + (t_T - remainder) // body, 0)
    layer_L1 = np.arange(layers)[:, np.newaxis]
    return Walk(_step_by_step(layers, steps), column_T * layers + layer_L1, np.tile(turn_T, (layers, 1)))


def wavefront(layers: int, steps: int) -> Walk:
    """Wave by wave: layer l at time w - l for all layers at once, one box for all of them."""
    wave_LT = 1 + np.arange(layers)[:, np.newaxis] + np.arange(steps)
    return Walk(wave_LT, np.zeros_like(wave_LT), wave_LT)


def layer_by_layer(layers: int, steps: int, *, unrolled: bool = False) -> Walk:
    """All time steps of a layer, then the next layer; one loop, or one kernel, for each layer."""
    order_LT = 1 + np.arange(layers * steps).reshape(layers, steps)
    if unrolled:
        return Walk(order_LT, order_LT - 1, np.zeros_like(order_LT))
    return Walk(order_LT, *_one_box_a_layer(layers, steps))


def deferred(layers: int, steps: int) -> Walk:
    """Layer by layer, and before the loop of each layer the product of all its inputs."""
    places_LX = 1 + np.arange(layers * (steps + 1)).reshape(layers, steps + 1)
    return Walk(places_LX[:, 1:], *_one_box_a_layer(layers, steps), tuple(places_LX[:, 0].tolist()))


def segments(steps: int, length: int | None = None) -> list[range]:
    """The time steps of each segment of checkpointed unrolling; √T long where no length is given."""
    length = length or math.ceil(math.sqrt(steps))
    return [range(start, min(start + length, steps)) for start in range(0, steps, length)]


def checkpointed_backward(layers: int, steps: int, length: int | None = None) -> tuple[Grid, Grid]:
    """For each segment, the last first: run again step by step, then backward.

    Returns:
        The place of each cell's second run, and that of its backward pass.
    """
    again_LT, backward_LT = np.zeros((2, layers, steps), np.int64)
    place = 0
    for segment in reversed(segments(steps, length)):
        columns, count = slice(segment.start, segment.stop), layers * len(segment)
        again_LT[:, columns] = place + _step_by_step(layers, len(segment))
        backward_LT[:, columns] = place + 2 * count + 1 - _step_by_step(layers, len(segment))
        place += 2 * count
    return again_LT, backward_LT


def _step_by_step(layers: int, steps: int) -> Grid:
    return 1 + np.arange(layers * steps).reshape(steps, layers).T


def _one_box_a_layer(layers: int, steps: int) -> tuple[Grid, Grid]:
    """`box_LT` and `turn_LT` of a loop for each layer."""
    return np.indices((layers, steps))[0], np.indices((layers, steps))[1] + 1
