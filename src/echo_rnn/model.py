"""The network: a stack of recurrent layers and a linear head over all time steps at once.

h_TBS = unroll(cells, x_TBI)
logits_TBC = h_TBS V + d          all T·B outputs in one product, as the article's second improvement does
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.cells import Cell, CellWeights, StackState, build_cells
from echo_rnn.config import network
from echo_rnn.unroll import Unroll, build_unroll


class HeadWeights(NamedTuple):
    """The linear head."""

    kernel_SC: tf.Tensor
    bias_C: tf.Tensor


class Weights(NamedTuple):
    """All weights of the network."""

    layers: tuple[CellWeights, ...]
    head: HeadWeights


@dataclass(frozen=True)
class Model:
    """The network without its weights.

    Attributes:
        cells: The layers, from the input upwards.
        unroll: The way through time.
        inputs: Input features (I).
        classes: Output classes (C).
    """

    cells: tuple[Cell, ...]
    unroll: Unroll
    inputs: int
    classes: int

    def initial_weights(self, seed: np.random.SeedSequence) -> Weights:
        """Fresh weights: Keras's defaults for its recurrent layers and `Dense`; the same seed, the same weights."""
        # Keras's initializers take a 31-bit seed and are then stateless.
        seeds = [int(word) >> 1 for word in seed.generate_state(2 * len(self.cells) + 1)]
        sizes = (self.inputs, *(cell.units for cell in self.cells))
        layers = tuple(
            cell.initial_weights(inputs, seeds[2 * index : 2 * index + 2])
            for index, (cell, inputs) in enumerate(zip(self.cells, sizes, strict=False))
        )
        kernel_SC = keras.initializers.GlorotUniform(seeds[-1])((sizes[-1], self.classes))
        return Weights(layers, HeadWeights(kernel_SC, tf.zeros(self.classes)))

    def zero_state(self, batch: int, dtype: tf.DType = tf.float32) -> StackState:
        """The state of every layer before the first time step."""
        return tuple(cell.zero_state(batch, dtype) for cell in self.cells)

    def __call__(self, weights: Weights, x_TBI: tf.Tensor, state: StackState) -> tuple[tf.Tensor, StackState]:
        """A window's input to `logits_TBC` and the state after the window."""
        h_TBS, state = self.unroll(self.cells, weights.layers, x_TBI, state)
        steps, batch, units = h_TBS.shape
        h_XS = tf.reshape(h_TBS, (steps * batch, units))
        logits_XC = h_XS @ weights.head.kernel_SC + weights.head.bias_C
        return tf.reshape(logits_XC, (steps, batch, self.classes)), state


def build(model: network.Model, unroll: network.Unroll, inputs: int, classes: int) -> Model:
    """The network that the configuration describes, for `inputs` features and `classes` classes."""
    return Model(build_cells(model), build_unroll(unroll), inputs, classes)


def flat(weights: Weights) -> Sequence[tf.Tensor]:
    """The weights in one fixed order: layers upwards, then the head."""
    leaves: Sequence[tf.Tensor] = tf.nest.flatten(weights)
    return leaves
