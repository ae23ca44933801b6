"""Weights and optimizer as variables, the loss, and one training step: what benchmarks of strategies time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.core.losses.cross_entropy import CrossEntropy
from echo_rnn.core.losses.loss import Loss, weighted_mean
from echo_rnn.core.model import Model, Weights, flat
from echo_rnn.core.shards import Batch, Carried, sharded
from echo_rnn.core.unroll import Masks

_SEED = np.random.SeedSequence(0)
_CROSS_ENTROPY = CrossEntropy()


SCORES = {"classes": "accuracy", "real": "squared_error"}
"""The name of what is reported beside the loss, by the kind of the targets."""


def accuracy(logits_TBC: tf.Tensor, y_TB: tf.Tensor, weight_TB: tf.Tensor | None = None) -> tf.Tensor:
    """Share of targets that get the largest logit."""
    right_TB = tf.equal(tf.argmax(logits_TBC, axis=-1, output_type=y_TB.dtype), y_TB)
    return weighted_mean(tf.cast(right_TB, logits_TBC.dtype), weight_TB)


def squared_error(outputs_TBK: tf.Tensor, y_TBK: tf.Tensor, weight_TB: tf.Tensor | None = None) -> tf.Tensor:
    """Mean squared error of scaled real targets; about 1 for their mean under standard scaling."""
    return weighted_mean(tf.square(y_TBK - outputs_TBK), weight_TB)


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
        loss: Loss = _CROSS_ENTROPY,
        seed: np.random.SeedSequence = _SEED,
        shards: int = 1,
    ) -> None:
        """Creates variables with the values of `weights`.

        Args:
            model: The network.
            weights: Of its start.
            optimizer: Not built yet.
            loss: What is minimised.
            seed: Of the dropout masks, where the model has dropout.
            shards: The largest number of compiled programs in which a batch runs in parallel; with 1 it runs in the
                graph in which `step` is called.
        """
        self.model = model
        self.loss = loss
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

    @property
    def score(self) -> str:
        """The name of the score that `step` returns beside the loss: `accuracy` or `squared_error`."""
        return SCORES[self.loss.kind]

    def zero_state(self, batch_size: int) -> Carried:
        """What is carried into the first window."""
        return Carried(self.model.zero_state(batch_size), self.loss.zero_state(batch_size, self.model.outputs))

    def step(
        self, x_TBI: tf.Tensor, y: tf.Tensor, carried: Carried, counted_TB: tf.Tensor | None = None
    ) -> tuple[Carried, tf.Tensor, tf.Tensor]:
        """Forward, backward and update on one window; no gradient reaches the windows before it.

        Args:
            x_TBI: The inputs of the window, float32.
            y: Its targets: classes `[T, B]`, int32, or real targets `[T, B, K]`, float32.
            carried: From the window before.
            counted_TB: 1 where a step counts, else 0; `None` where all do. A window in which none counts changes no
                weight.

        Returns:
            What is carried after the window, and loss and score before the update.
        """
        weight_TB = None if counted_TB is None else weights_of(counted_TB)
        masks, energies = self._masks(*y.shape[:2]), self.loss.energies(y, weight_TB, carried.loss)
        batch = Batch(x_TBI, y, carried, masks, weight_TB, energies)
        carried, (loss, score, *gradients) = self._run(self.weights, batch)
        if weight_TB is None:
            self._optimizer.apply(gradients, self._variables)
        else:
            tf.cond(tf.reduce_any(weight_TB > 0), lambda: self._update(gradients), lambda: tf.constant(0))
        # Shares add up to 1 but for rounding.
        return carried, loss, tf.minimum(score, 1) if self.loss.kind == "classes" else score

    def _update(self, gradients: list[tf.Tensor | None]) -> tf.Tensor:
        self._optimizer.apply(gradients, self._variables)
        return tf.constant(0)

    def _gradients(self, weights: Weights, batch: Batch, share: float = 1.0) -> tuple[Carried, list[tf.Tensor | None]]:
        """What is carried after the window; loss, score and the gradients of all weights, each scaled by `share`."""
        score = accuracy if self.loss.kind == "classes" else squared_error
        with tf.GradientTape() as tape:
            tape.watch(flat(weights))
            outputs_TBC, state = self.model(weights, batch.x_TBI, batch.state.stack, masks=batch.masks)
            loss, after = self.loss(outputs_TBC, batch.y, batch.weight_TB, batch.energies, batch.state.loss)
            loss = share * loss
        gradients = tape.gradient(loss, flat(weights))
        return Carried(state, after), [loss, share * score(outputs_TBC, batch.y, batch.weight_TB), *gradients]

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


def weights_of(counted_TB: tf.Tensor) -> tf.Tensor:
    """Weights with the mean 1 over the window's batch; all 0 where no step counts."""
    counted_TB = tf.cast(counted_TB, tf.float32)
    # At least one step of the batch counts where any does.
    return counted_TB / tf.maximum(tf.reduce_mean(counted_TB), 1 / (counted_TB.shape[0] * counted_TB.shape[1]))
