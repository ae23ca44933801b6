"""The stack of layers as one cell that computes an anti-diagonal of the layer × time grid.

Wave w computes layer l at time w-l, for all layers at once: the input of layer l is the output of layer l-1 one wave
before. Layers of different sizes are padded with zeros to the largest, gate by gate: a unit without weights and
without state stays at zero in every cell here and adds zero to every sum, so the function is the same.

`Waves` has the layers on an axis of their own, with one batched matrix product for all of them; `columns` has another
layout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from echo_rnn.core.cells import Gru, Lstm, Rnn
from echo_rnn.core.cells.cell import CellWeights, StackState, State
from echo_rnn.core.unroll.window import Window

StackableCell = Lstm | Gru | Rnn


@dataclass(frozen=True)
class Waves:
    """The waves of a window. A method for one wave also computes all waves at once, with an axis W in front.

    Attributes:
        cells: The layers.
        window: The window.
    """

    cells: Sequence[StackableCell]
    window: Window

    @property
    def cell(self) -> StackableCell:
        """The cell that computes a wave, with the size of the largest layer."""
        return replace(self.cells[0], units=max(cell.units for cell in self.cells))

    @property
    def features(self) -> int:
        """The width of every layer's input, that of the widest."""
        return max(int(self.window.x_TBI.shape[-1]), self.cell.units if len(self.cells) > 1 else 0)

    @property
    def count(self) -> int | tf.Tensor:
        """T + L - 1."""
        return self.window.steps + len(self.cells) - 1

    @property
    def last(self) -> int | tf.Tensor:
        """The number of waves after which the longest row has ended in every layer."""
        return self.window.longest + len(self.cells) - 1

    def stack_weights(self, weights: Sequence[CellWeights]) -> CellWeights:
        """The weights of all layers as those of `cell`.

        Returns:
            `kernel [L, I, G]`, `recurrent [L, S, G]` and `bias [L, 1, G]` or `[2, L, 1, G]`.
        """
        kernels, recurrents, biases = zip(*self.padded_weights(weights), strict=True)
        bias_LG = tf.stack(biases, axis=biases[0].shape.rank - 1)
        return CellWeights(tf.stack(kernels), tf.stack(recurrents), bias_LG[..., None, :])

    def stack_state(self, state: StackState) -> State:
        """The states of all layers as that of `cell`, each part `[L, B, S]`."""
        return tuple(tf.stack(layers) for layers in self.padded_state(state))

    def unstack_state(self, state: State) -> StackState:
        """The inverse of `stack_state`."""
        return tuple(
            tuple(part_LBS[layer, :, : cell.units] for part_LBS in state) for layer, cell in enumerate(self.cells)
        )

    def inputs(self) -> tf.Tensor:
        """The first layer's input of each wave, `[W, 1, B, I]`."""
        return self.pad_time(pad(self.window.x_TBI, self.features, axis=2))[:, None]

    def masks(self) -> tf.Tensor | None:
        """The factors of each wave for the output of every layer but the last, `[W, L - 1, B, S]`."""
        return tf.stack(self.padded_masks(), axis=1) if self.window.masks else None

    def layer_inputs(self, x: tf.Tensor, h: tf.Tensor, masks: tf.Tensor | None) -> tf.Tensor:
        """The inputs of all layers at a wave, `[L, B, I]`.

        Args:
            x: The wave's part of `inputs`.
            h: The outputs of all layers at the wave before.
            masks: The wave's part of `masks`.
        """
        up = h[..., :-1, :, :]
        if masks is not None:
            up = up * tf.stop_gradient(masks)
        # Of a single layer this is empty, and may then be wider than its input.
        width = max(self.features, self.cell.units)
        return tf.concat([x, pad(up, width, axis=-1)[..., : self.features]], axis=-3)

    def layer_input_gradients(self, d_inputs: tf.Tensor, masks: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """From the gradient of `layer_inputs` to those of x and h."""
        d_up = d_inputs[..., 1:, :, : self.cell.units]
        if masks is not None:
            d_up = d_up * masks
        d_h = tf.pad(pad(d_up, self.cell.units, axis=-1), [*[(0, 0)] * (d_up.shape.rank - 3), (0, 1), (0, 0), (0, 0)])
        return d_inputs[..., :1, :, :], d_h

    def active(self, w: tf.Tensor) -> tf.Tensor:
        """For which parts of a state wave w is a time step before the row's end, `[L, B, 1]`."""
        t_L1 = (w - tf.range(len(self.cells)))[:, None]
        end = self.window.steps if self.window.lengths_B is None else self.window.lengths_B
        active = (t_L1 >= 0) & (t_L1 < end)
        return tf.broadcast_to(active, (len(self.cells), self.window.batch_size))[..., None]

    def top(self, h: tf.Tensor) -> tf.Tensor:
        """Of the outputs of all layers, that of the top layer, `[B, S]`."""
        return h[..., -1, :, :]

    def writer(self) -> tf.TensorArray:
        """An array for `top` of each wave; what is never written is 0."""
        return self.window.writer(self.cell.units, self.count)

    def top_gradient(self, d_top: tf.Tensor) -> tf.Tensor:
        """From the gradient of `top` to that of the outputs of all layers: zeros for all but the top layer."""
        d_top = d_top[..., None, :, :]
        return tf.pad(d_top, [*[(0, 0)] * (d_top.shape.rank - 3), (len(self.cells) - 1, 0), (0, 0), (0, 0)])

    def outputs(self, top_W: tf.Tensor) -> tf.Tensor:
        """The top layer's `h_TBS` from its part of each wave."""
        return self.window.outputs(top_W[len(self.cells) - 1 :, :, : self.cells[-1].units])

    def pad_time(self, tensor_T: tf.Tensor, before: int = 0) -> tf.Tensor:
        """Zeros for the L - 1 waves more than time steps, `before` of them in front."""
        after = len(self.cells) - 1 - before
        return tf.pad(tensor_T, [(before, after), *[(0, 0)] * (tensor_T.shape.rank - 1)])

    def padded_weights(self, weights: Sequence[CellWeights]) -> list[CellWeights]:
        """The weights of every layer with the sizes of the largest."""
        units = self.cell.units
        return [
            CellWeights(
                pad(_pad_gates(layer.kernel_IG, cell.units, units), self.features, axis=0),
                pad(_pad_gates(layer.recurrent_SG, cell.units, units), units, axis=0),
                _pad_gates(layer.bias, cell.units, units),
            )
            for cell, layer in zip(self.cells, weights, strict=True)
        ]

    def padded_state(self, state: StackState) -> list[list[tf.Tensor]]:
        """For each part of the state those of all layers, `[B, S]`, with the size of the largest."""
        return [[pad(part_BS, self.cell.units, axis=1) for part_BS in layers] for layers in zip(*state, strict=True)]

    def padded_masks(self) -> list[tf.Tensor]:
        """For each boundary between layers its factors at each wave, `[W, B, S]`."""
        return [
            self.pad_time(pad(mask_TBS, self.cell.units, axis=2), before=layer + 1)
            for layer, mask_TBS in enumerate(self.window.masks)
        ]


def pad(tensor: tf.Tensor, size: int, axis: int) -> tf.Tensor:
    """Zeros at the end of `axis` until it has `size` elements."""
    axis %= tensor.shape.rank
    missing = size - int(tensor.shape[axis])
    if not missing:
        return tensor
    return tf.pad(tensor, [(0, missing) if each == axis else (0, 0) for each in range(tensor.shape.rank)])


def _pad_gates(tensor: tf.Tensor, units: int, size: int) -> tf.Tensor:
    """`[…, gates·units]` to `[…, gates·size]`."""
    if units == size:
        return tensor
    *front, width = tensor.shape
    gates = width // units
    padded = pad(tf.reshape(tensor, (*front, gates, units)), size, axis=len(front) + 1)
    return tf.reshape(padded, (*front, gates * size))
