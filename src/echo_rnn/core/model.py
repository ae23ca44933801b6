"""The network: a stack of recurrent layers and a linear head over all time steps at once.

h_TBS = unroll(cells, x_TBI)
outputs_TBC = h_TBS V + d         all T·B outputs in one product, as the article's second improvement does
              (+ x_TBI[residual_inputs]   with a residual head, which learns the difference to inputs)

Outputs are the logits of C classes, or K real targets. Weights, states and outputs are float32. Where
`model.precision` is bfloat16, the matrix products of the layers round their arguments to bfloat16; gates, states, sums
over time, the head and the loss do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.core.cell_table import Stack
from echo_rnn.core.cells import Cell, CellWeights, StackState, build_cells
from echo_rnn.core.cells.product import product
from echo_rnn.core.compilation import Compile
from echo_rnn.core.errors import UserError
from echo_rnn.core.strategies import Unrolling, refusal
from echo_rnn.core.unroll import Dropout, Masks, Unroll, window


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
        unroll: The strategy.
        inputs: Input features (I).
        outputs: Classes (C) or real targets (K).
        dropout: The dropout rates of `draw_masks`.
        residual_inputs: For each output the input feature that the head adds to it; empty for none.
    """

    cells: tuple[Cell, ...]
    unroll: Unroll
    inputs: int
    outputs: int
    dropout: Dropout = field(default=Dropout())
    residual_inputs: tuple[int, ...] = ()

    def initial_weights(self, seed: np.random.SeedSequence) -> Weights:
        """Fresh weights: Keras's defaults for its recurrent layers and `Dense`; the same seed, the same weights."""
        # Keras's initializers take a 31-bit seed and are then stateless.
        seeds = [int(word) >> 1 for word in seed.generate_state(2 * len(self.cells) + 1)]
        sizes = (self.inputs, *(cell.units for cell in self.cells))
        layers = tuple(
            cell.initial_weights(inputs, seeds[2 * index : 2 * index + 2])
            for index, (cell, inputs) in enumerate(zip(self.cells, sizes, strict=False))
        )
        kernel_SC = keras.initializers.GlorotUniform(seeds[-1])((sizes[-1], self.outputs))
        return Weights(layers, HeadWeights(kernel_SC, tf.zeros(self.outputs)))

    def zero_state(self, batch_size: int, dtype: tf.DType = tf.float32) -> StackState:
        """The state of every layer before the first time step."""
        return tuple(cell.zero_state(batch_size, dtype) for cell in self.cells)

    def draw_masks(self, seed: tf.Tensor, steps: int, batch_size: int, dtype: tf.DType = tf.float32) -> Masks:
        """Dropout masks for one window of training, from a seed of two integers; see `Dropout.draw`."""
        return self.dropout.draw(seed, [cell.units for cell in self.cells], steps, batch_size, dtype)

    def __call__(
        self,
        weights: Weights,
        x_TBI: tf.Tensor,
        state: StackState,
        *,
        lengths_B: tf.Tensor | None = None,
        masks: Masks = Masks(),
    ) -> tuple[tf.Tensor, StackState]:
        """A window's input to `outputs_TBC` and the state after the window.

        Args:
            weights: All weights.
            x_TBI: The input; T and B are static.
            state: The state before the window.
            lengths_B: Time steps of each row, `int32`, or `None` where all rows are as long as the window.
            masks: Those of `draw_masks`; without them nothing is dropped.
        """
        h_TBS, state = self.unroll(self.cells, weights.layers, window(x_TBI, lengths_B, masks.between), state)
        if masks.output is not None:
            h_TBS = h_TBS * masks.output
        outputs_TBC = product(h_TBS, weights.head.kernel_SC) + weights.head.bias_C
        if self.residual_inputs:
            outputs_TBC += tf.gather(x_TBI, self.residual_inputs, axis=-1)
        return outputs_TBC, state


def build(
    stack: Stack,
    unrolling: Unrolling,
    inputs: int,
    outputs: int,
    *,
    residual_inputs: tuple[int, ...] = (),
    dropout: Mapping[str, Any] | None = None,
    compiled: Compile = "graph",
) -> Model:
    """The network of described layers.

    Args:
        stack: The layers.
        unrolling: The strategy.
        inputs: Input features (I).
        outputs: Classes (C) or real targets (K).
        residual_inputs: See `Model`.
        dropout: The attributes of `Dropout`; without it nothing is dropped.
        compiled: How it will be compiled.

    Raises:
        UserError: These cannot be combined.
    """
    expected = refusal(unrolling, [stack.kind.name], stack.precision, compiled)
    if expected is not None:
        raise UserError(f"unroll: expected {expected}, got {unrolling.label!r}", "strategy.refused")
    cells = build_cells(stack)
    return Model(cells, unrolling.load(), inputs, outputs, Dropout(**dropout or {}), residual_inputs)


def flat(weights: Weights) -> Sequence[tf.Tensor]:
    """The weights in one fixed order: layers upwards, then the head."""
    leaves: Sequence[tf.Tensor] = tf.nest.flatten(weights)
    return leaves
