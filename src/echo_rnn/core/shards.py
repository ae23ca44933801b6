"""One window in lanes: parts of its rows that run beside each other, each through a compiled program of its own.

    lane k of n:   rows ⌊k·B/n⌋ … ⌊(k+1)·B/n⌋ - 1            no row may depend on another
    means:         Σₖ Bₖ/B · mean over the rows of lane k     losses, accuracies and their gradients

XLA runs the operations of a program one after the other and spreads each over the threads, which wait for each other
at every time step. Lanes wait for each other once a window. There are two for each thread, so that no thread is idle
when its first one ends, or fewer where that makes them equal: lanes of one size are one program, which is compiled
once. Each has gradients of all weights of its own until they are added. Sums over rows are added in another order than
in one program, so that last bits differ, also with another number of threads.

Source: synchronous data parallelism with threads in place of machines; Krizhevsky 2014, "One weird trick for
parallelizing convolutional neural networks", section 3.
"""

import itertools
from typing import NamedTuple, Protocol

import tensorflow as tf

from echo_rnn.core.cells import StackState
from echo_rnn.core.model import Weights
from echo_rnn.core.shard_count import lanes_for
from echo_rnn.core.unroll import Masks


class Rows(NamedTuple):
    """Rows of a window: all of them, or those of a lane.

    Attributes:
        x_TBI: Their inputs.
        y_TB: Their targets.
        state: The state of every layer before the window.
        masks: What is dropped.
    """

    x_TBI: tf.Tensor
    y_TB: tf.Tensor
    state: StackState
    masks: Masks = Masks()

    def lane(self, own: slice) -> "Rows":
        """Some of them."""
        state = tf.nest.map_structure(lambda tensor: tensor[own], self.state)
        masks = tf.nest.map_structure(lambda mask: mask if mask is None else mask[:, own], self.masks)
        return Rows(self.x_TBI[:, own], self.y_TB[:, own], state, masks)


class Pass(Protocol):
    """What is done to rows of a window."""

    def __call__(self, weights: Weights, rows: Rows, share: float = 1.0) -> tuple[StackState, list[tf.Tensor | None]]:
        """Runs the rows that it is given.

        Args:
            weights: All weights.
            rows: The rows.
            share: Part of the window's rows that these are.

        Returns:
            The state after the window, and means over these rows or gradients of such, each times `share`; a gradient
            that is not there is `None`.
        """


def in_lanes(run: Pass, most: int) -> "Pass | Lanes":
    """The pass in so many lanes at most, or as it is where that is one: a part of whatever graph it is called in."""
    return Lanes(run, most) if most > 1 else run


class Lanes:
    """Runs a pass over a window's rows in lanes, from within a graph."""

    def __init__(self, run: Pass, count: int) -> None:
        """Nothing is compiled before it first runs.

        Args:
            run: What is done to the rows.
            count: How many lanes at most.
        """
        self._run = tf.function(run, jit_compile=True, autograph=False)
        self._count = count

    def __call__(self, weights: Weights, rows: Rows) -> tuple[StackState, list[tf.Tensor | None]]:
        """As the pass, for all rows."""
        total = int(rows.y_TB.shape[1])
        count = lanes_for(total, self._count)
        bounds = [total * lane // count for lane in range(count + 1)]
        lanes = itertools.starmap(slice, itertools.pairwise(bounds))
        outcomes = [self._run(weights, rows.lane(own), (own.stop - own.start) / total) for own in lanes]
        states, means = zip(*outcomes, strict=True)
        joined: StackState = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *states)
        return joined, [None if parts[0] is None else tf.add_n(parts) for parts in zip(*means, strict=True)]
