"""One window in lanes: parts of its rows that run beside each other, each through a compiled program of its own.

    lane k of n:   rows ⌊k·B/n⌋ … ⌊(k+1)·B/n⌋ - 1            no row depends on another
    means:         Σₖ Bₖ/B · mean over the rows of lane k     losses, accuracies, gradients

XLA runs the operations of a program one after the other and spreads each over the threads, which wait for each other
at every time step. Lanes wait for each other once a window. More lanes than threads leave no thread idle at a lane's
end. Sums over rows are added in another order than in one program, so that last bits differ.

Source: synchronous data parallelism with threads in place of machines; Krizhevsky 2014, "One weird trick for
parallelizing convolutional neural networks", section 3.
"""

import itertools
from typing import Protocol

import tensorflow as tf

from echo_rnn.cells import StackState
from echo_rnn.config.fields import Compile
from echo_rnn.model import Weights
from echo_rnn.unroll import Masks

_PER_THREAD = 2
_NO_MASKS = Masks()


class Pass(Protocol):
    """What is done to the rows of a window."""

    def __call__(
        self, weights: Weights, x_TBI: tf.Tensor, y_TB: tf.Tensor, state: StackState, masks: Masks, share: float
    ) -> tuple[StackState, list[tf.Tensor]]:
        """Runs the rows that it is given.

        Args:
            weights: All weights.
            x_TBI: Inputs.
            y_TB: Targets.
            state: The state of every layer before the window.
            masks: What is dropped.
            share: Part of the window's rows that these are.

        Returns:
            The state after the window, and means over these rows, each times `share`.
        """


class Lanes:
    """Runs a pass over a window's rows in lanes, from within a graph."""

    def __init__(self, run: Pass, count: int) -> None:
        """Nothing is compiled before it first runs.

        Args:
            run: What is done to the rows.
            count: How many lanes; where there are fewer rows, each is a lane.
        """
        self._run = tf.function(run, jit_compile=True, autograph=False)
        self._count = count

    def __call__(
        self, weights: Weights, x_TBI: tf.Tensor, y_TB: tf.Tensor, state: StackState, masks: Masks = _NO_MASKS
    ) -> tuple[StackState, list[tf.Tensor]]:
        """As the pass, for all rows."""
        rows = int(y_TB.shape[1])
        count = min(self._count, rows)
        bounds = [rows * lane // count for lane in range(count + 1)]
        lanes = itertools.starmap(slice, itertools.pairwise(bounds))
        outcomes = [self._lane(own, weights, x_TBI, y_TB, state, masks) for own in lanes]
        states, means = zip(*outcomes, strict=True)
        joined: StackState = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *states)
        return joined, [tf.add_n(parts) for parts in zip(*means, strict=True)]

    def _lane(
        self, rows: slice, weights: Weights, x_TBI: tf.Tensor, y_TB: tf.Tensor, state: StackState, masks: Masks
    ) -> tuple[StackState, list[tf.Tensor]]:
        share = (rows.stop - rows.start) / int(y_TB.shape[1])
        before = tf.nest.map_structure(lambda tensor: tensor[rows], state)
        own_masks = tf.nest.map_structure(lambda mask: mask if mask is None else mask[:, rows], masks)
        outcome: tuple[StackState, list[tf.Tensor]] = self._run(
            weights, x_TBI[:, rows], y_TB[:, rows], before, own_masks, share
        )
        return outcome


def lanes_of(mode: Compile, threads: int) -> int:
    """How many lanes a way to compile has.

    Args:
        mode: The way.
        threads: TensorFlow's threads.
    """
    return _PER_THREAD * threads if mode == "lanes" else 1
