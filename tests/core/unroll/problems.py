"""Small windows with everything drawn at random, and the oracle's answer to them."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from tests.oracle import LAYERS, Gradients, Stack, Weights

FEATURES = 2


class Shape(NamedTuple):
    steps: int
    batch_size: int
    sizes: tuple[int, ...]


USUAL = Shape(steps=5, batch_size=3, sizes=(4, 3, 5))
TWO_LAYERS = Shape(steps=5, batch_size=3, sizes=(4, 3))
SHAPES = {
    "stack": USUAL,
    "layer": Shape(steps=5, batch_size=3, sizes=(4,)),
    "one_step": Shape(steps=1, batch_size=2, sizes=(4, 3, 5)),
    "one_row": Shape(steps=3, batch_size=1, sizes=(3, 3)),
    "deeper_than_long": Shape(steps=2, batch_size=2, sizes=(4, 4, 4)),
}


@dataclass(frozen=True)
class Problem:
    """A window, weights, a state, and gradients that come down from a loss."""

    cell: str
    x: np.ndarray
    weights: list[Weights]
    state: list[tuple[np.ndarray, ...]]
    d_h: np.ndarray
    d_state: list[tuple[np.ndarray, ...]]
    lengths: np.ndarray | None = None
    masks: tuple[np.ndarray, ...] = field(default=())

    @cached_property
    def answer(self) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]], Gradients]:
        stack = Stack(self.cell, self.weights, self.lengths, self.masks)
        h, state = stack.forward(self.x, self.state)
        return h, state, stack.backward(self.d_h, self.d_state)


@lru_cache
def problem(cell: str, shape: Shape, *, ragged: bool = False, dropped: bool = False) -> Problem:
    """A problem, the same at each call; `ragged` gives rows of different lengths, `dropped` masks between layers."""
    rng = np.random.default_rng([*cell.encode(), *shape.sizes, shape.steps, shape.batch_size])
    steps, batch_size, sizes = shape
    layer = LAYERS[cell]

    def states() -> list[tuple[np.ndarray, ...]]:
        return [tuple(rng.normal(size=(batch_size, size)) for _ in range(layer.states)) for size in sizes]

    weights = [
        Weights(
            rng.normal(size=(inputs, layer.gates * size)),
            rng.normal(size=(size, layer.gates * size)),
            rng.normal(size=layer.bias_shape(size)),
        )
        for inputs, size in zip((FEATURES, *sizes[:-1]), sizes, strict=True)
    ]
    # No row is as long as the window where it can be, one is empty, so that stopping early shows.
    lengths = np.array([max(steps - 2, 1), 0, 1][:batch_size], np.int32) if ragged else None
    masks = [rng.integers(0, 2, size=(steps, batch_size, size)) * 2.0 for size in sizes[:-1]] if dropped else []
    return Problem(
        cell=cell,
        x=rng.normal(size=(steps, batch_size, FEATURES)),
        weights=weights,
        state=states(),
        d_h=rng.normal(size=(steps, batch_size, sizes[-1])),
        d_state=states(),
        lengths=lengths,
        masks=tuple(masks),
    )
