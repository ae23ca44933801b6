"""A window's batch in shards: data-parallel parts, each in a compiled program of its own that runs beside the others.

    shard k of n:  batch rows ⌊k·B/n⌋ … ⌊(k+1)·B/n⌋ - 1       no row may depend on another
    means:         Σₖ Bₖ/B · mean over shard k                losses, accuracies and their gradients

XLA runs the operations of a program one after the other and spreads each over the threads, which wait for each other
at every time step. Shards wait for each other once a window. There are two for each thread, so that no thread is idle
when its first one ends, or fewer where that makes them equal: shards of one size are one program, which is compiled
once. Each has its own gradients of all weights until they are added. Sums over the batch are added in another order
than in one program, so the last bits differ, also with another number of threads.

Source: synchronous data parallelism with threads in place of machines; Krizhevsky 2014, "One weird trick for
parallelizing convolutional neural networks", section 3.
"""

import itertools
from typing import NamedTuple, Protocol

import tensorflow as tf

from echo_rnn.core.cells import StackState
from echo_rnn.core.compilation import shard_count
from echo_rnn.core.losses.loss import LossState
from echo_rnn.core.model import Weights
from echo_rnn.core.unroll import Masks


class Carried(NamedTuple):
    """What is carried from window to window; every tensor has the batch as its first axis.

    Attributes:
        stack: The state of every layer.
        loss: The state of the loss.
    """

    stack: StackState
    loss: LossState = ()


class Batch(NamedTuple):
    """The batch of a window, or a shard of it.

    Attributes:
        x_TBI: Inputs.
        y: Targets, `[T, B]` or `[T, B, K]`.
        state: What is carried from the window before.
        masks: Dropout masks.
        weight_TB: Weights of the time steps with the mean 1 over the window's batch; `None` where every step counts.
        energies: What the loss divides by, of the window's batch; see `Loss.energies`.
    """

    x_TBI: tf.Tensor
    y: tf.Tensor
    state: Carried
    masks: Masks = Masks()
    weight_TB: tf.Tensor | None = None
    energies: tuple[tf.Tensor, ...] = ()

    def shard(self, rows: slice) -> "Batch":
        """Some rows of it."""
        state = tf.nest.map_structure(lambda tensor: tensor[rows], self.state)
        masks = tf.nest.map_structure(lambda mask: mask if mask is None else mask[:, rows], self.masks)
        weight_TB = None if self.weight_TB is None else self.weight_TB[:, rows]
        return Batch(self.x_TBI[:, rows], self.y[:, rows], state, masks, weight_TB, self.energies)


class Pass(Protocol):
    """A forward pass, or a forward and backward pass, over a batch."""

    def __call__(self, weights: Weights, batch: Batch, share: float = 1.0) -> tuple[Carried, list[tf.Tensor | None]]:
        """Runs the batch.

        Args:
            weights: All weights.
            batch: A window's batch, or a shard of it.
            share: Its part of the window's batch, between 0 and 1.

        Returns:
            What is carried after the window, and means over this batch or gradients of such, each times `share`; `None`
            for a weight without a gradient.
        """


def sharded(run: Pass, most: int) -> "Pass | Shards":
    """The pass in at most so many shards, or as it is where that is one: a part of the graph that it is called in."""
    return Shards(run, most) if most > 1 else run


class Shards:
    """Runs a pass over a window's batch in shards, from within a graph."""

    def __init__(self, run: Pass, most: int) -> None:
        """Nothing is compiled before the first call.

        Args:
            run: The pass.
            most: The largest number of shards.
        """
        self._run = tf.function(run, jit_compile=True, autograph=False)
        self._most = most

    def __call__(self, weights: Weights, batch: Batch) -> tuple[Carried, list[tf.Tensor | None]]:
        """As the pass, for the whole batch."""
        total = int(batch.y.shape[1])
        count = shard_count(total, self._most)
        bounds = [total * shard // count for shard in range(count + 1)]
        shards = itertools.starmap(slice, itertools.pairwise(bounds))
        outcomes = [self._run(weights, batch.shard(rows), (rows.stop - rows.start) / total) for rows in shards]
        states, means = zip(*outcomes, strict=True)
        joined: Carried = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *states)
        return joined, [None if parts[0] is None else tf.add_n(parts) for parts in zip(*means, strict=True)]
