"""Weights and optimizer as variables, the loss, and one training step: what benchmarks of strategies time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.core.cells import StackState
from echo_rnn.core.model import Model, Weights, flat
from echo_rnn.core.shards import Batch, sharded
from echo_rnn.core.unroll import Masks

_SEED = np.random.SeedSequence(0)


def cross_entropy(logits_TBC: tf.Tensor, y_TB: tf.Tensor) -> tf.Tensor:
    """Mean over all time steps and rows of -log softmax(logits)[target], in nats."""
    losses_TB = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_TB, logits=logits_TBC)
    return tf.reduce_mean(losses_TB)


def accuracy(logits_TBC: tf.Tensor, y_TB: tf.Tensor) -> tf.Tensor:
    """Share of targets that get the largest logit."""
    right_TB = tf.equal(tf.argmax(logits_TBC, axis=-1, output_type=y_TB.dtype), y_TB)
    return tf.reduce_mean(tf.cast(right_TB, logits_TBC.dtype))


@dataclass(frozen=True)
class Snapshot:
    """Every variable of a learner as an array.

    Attributes:
        weights: In the order of `echo_rnn.core.model.flat`.
        optimizer: In Keras's order, the step counter first.
    """

    weights: list[np.ndarray[Any, Any]]
    optimizer: list[np.ndarray[Any, Any]]


class Learner:
    """A network in training.

    Keras's optimizers change variables in place (its TensorFlow backend has no stateless form), so the weights are
    variables here and plain tensors everywhere else.
    """

    def __init__(
        self,
        model: Model,
        weights: Weights,
        optimizer: keras.optimizers.Optimizer,
        *,
        seed: np.random.SeedSequence = _SEED,
        shards: int = 1,
    ) -> None:
        """Creates variables with the values of `weights`.

        Args:
            model: The network.
            weights: Of its start.
            optimizer: Not built yet.
            seed: Of the dropout masks, where the model has dropout.
            shards: The largest number of compiled programs in which a batch runs in parallel; with 1 it runs in the
                graph in which `step` is called.
        """
        self.model = model
        self._seed = seed.generate_state(2).view(np.int32).astype(np.int64)
        self._structure = weights
        self._variables = [keras.Variable(tensor, name=f"weight_{i}") for i, tensor in enumerate(flat(weights))]
        self._optimizer = optimizer
        optimizer.build(self._variables)
        self.shards = shards
        self._run = sharded(self._gradients, shards)

    @property
    def weights(self) -> Weights:
        """The current weights as tensors; inside a graph, a read of each variable."""
        tensors = [tf.convert_to_tensor(variable.value) for variable in self._variables]
        weights: Weights = tf.nest.pack_sequence_as(self._structure, tensors)
        return weights

    def step(self, x_TBI: tf.Tensor, y_TB: tf.Tensor, state: StackState) -> tuple[StackState, tf.Tensor, tf.Tensor]:
        """Forward, backward and update on one window; no gradient reaches the windows before it.

        Args:
            x_TBI: The inputs of the window, float32.
            y_TB: Its targets, int32.
            state: The state of every layer, carried from the window before.

        Returns:
            The state after the window, and loss (in nats) and accuracy before the update.
        """
        batch = Batch(x_TBI, y_TB, state, self._masks(*y_TB.shape))
        state, (loss, accurate, *gradients) = self._run(self.weights, batch)
        self._optimizer.apply(gradients, self._variables)
        # Shares add up to 1 but for rounding.
        return state, loss, tf.minimum(accurate, 1)

    def _gradients(
        self, weights: Weights, batch: Batch, share: float = 1.0
    ) -> tuple[StackState, list[tf.Tensor | None]]:
        """The state after the window; loss, accuracy and the gradients of all weights, each scaled by `share`."""
        with tf.GradientTape() as tape:
            tape.watch(flat(weights))
            logits_TBC, state = self.model(weights, batch.x_TBI, batch.state, masks=batch.masks)
            loss = share * cross_entropy(logits_TBC, batch.y_TB)
        return state, [loss, share * accuracy(logits_TBC, batch.y_TB), *tape.gradient(loss, flat(weights))]

    def _masks(self, steps: int, batch_size: int) -> Masks:
        """The dropout masks of the coming step."""
        dropout = self.model.dropout
        if not (dropout.between or dropout.output):
            return Masks()
        # The optimizer counts the steps, so that masks belong to a step, however steps are grouped into calls, and
        # a training that resumes from a snapshot draws what it would have drawn.
        counter = tf.convert_to_tensor(self._optimizer.iterations.value)
        seed = tf.random.experimental.stateless_fold_in(self._seed, tf.cast(counter, tf.int64), alg="philox")
        return self.model.draw_masks(seed, steps, batch_size)

    def snapshot(self) -> Snapshot:
        """Copies of all variables."""
        # `variable.numpy()` may be a view of the memory that the next step writes to.
        return Snapshot(
            [np.array(variable.numpy()) for variable in self._variables],
            [np.array(variable.numpy()) for variable in self._optimizer.variables],
        )

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Restores the variables when the block ends."""
        before = self.snapshot()
        try:
            yield
        finally:
            self.restore(before)

    def restore(self, snapshot: Snapshot) -> None:
        """Sets all variables to the values in `snapshot`."""
        variables, arrays = (*self._variables, *self._optimizer.variables), (*snapshot.weights, *snapshot.optimizer)
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
