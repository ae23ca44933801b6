"""The stack of layers as one cell that computes an anti-diagonal of the layer × time grid.

Wave w computes layer l at time w-l, for all layers at once: the input of layer l is what layer l-1 put out one wave
before. Layers of different sizes are padded with zeros to the largest, gate by gate: a unit without weights and
without state stays at zero in every cell here, and what it adds to any sum is zero, so the function is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from echo_rnn.cells import Gru, Lstm, Rnn
from echo_rnn.cells.cell import CellWeights, StackState, State
from echo_rnn.unroll.window import Window

StackableCell = Lstm | Gru | Rnn


@dataclass(frozen=True)
class Waves:
    """What all waves share.

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
        """`kernel [L, I, G]`, `recurrent [L, S, G]` and `bias [L, 1, G]` or `[2, L, 1, G]`."""
        units = self.cell.units
        kernels, recurrents, biases = [], [], []
        for cell, layer in zip(self.cells, weights, strict=True):
            kernels.append(_pad(_pad_gates(layer.kernel_IG, cell.units, units), self.features, axis=0))
            recurrents.append(_pad(_pad_gates(layer.recurrent_SG, cell.units, units), units, axis=0))
            biases.append(_pad_gates(layer.bias, cell.units, units))
        bias_LG = tf.stack(biases, axis=biases[0].shape.rank - 1)
        return CellWeights(tf.stack(kernels), tf.stack(recurrents), bias_LG[..., None, :])

    def stack_state(self, state: StackState) -> State:
        """Each part of the state as `[L, B, S]`."""
        return tuple(
            tf.stack([_pad(part_BS, self.cell.units, axis=1) for part_BS in layers])
            for layers in zip(*state, strict=True)
        )

    def unstack_state(self, state: State) -> StackState:
        """The inverse of `stack_state`."""
        return tuple(
            tuple(part_LBS[layer, :, : cell.units] for part_LBS in state) for layer, cell in enumerate(self.cells)
        )

    def inputs(self) -> tf.Tensor:
        """The first layer's input of each wave, `[T + L - 1, 1, B, I]`."""
        x_TBI = _pad(self.window.x_TBI, self.features, axis=2)
        return self._pad_time(x_TBI, before=0)[:, None]

    def masks(self) -> tf.Tensor | None:
        """The factors of each wave for what every layer but the last hands up, `[T + L - 1, L - 1, B, S]`."""
        if not self.window.masks:
            return None
        skewed = [
            self._pad_time(_pad(mask_TBS, self.cell.units, axis=2), before=layer + 1)
            for layer, mask_TBS in enumerate(self.window.masks)
        ]
        return tf.stack(skewed, axis=1)

    def handed_up(self, h_LBS: tf.Tensor, masks: tf.Tensor | None) -> tf.Tensor:
        """What all layers but the last put out, as the next wave's inputs of the layers above.

        Args:
            h_LBS: The outputs of a wave `[L, B, S]`, or of all waves `[W, L, B, S]`.
            masks: What `masks` gave, for the same waves.

        Returns:
            `[L - 1, B, I]` or `[W, L - 1, B, I]`.
        """
        h_LBS = h_LBS[..., :-1, :, :]
        if masks is not None:
            h_LBS = h_LBS * tf.stop_gradient(masks)
        # Of a single layer this is empty, and may then be wider than its input.
        width = max(self.features, self.cell.units)
        return _pad(h_LBS, width, axis=h_LBS.shape.rank - 1)[..., : self.features]

    def active_LB1(self, w: tf.Tensor) -> tf.Tensor:
        """For which layers and rows wave w is a time step before the row's end."""
        t_L1 = (w - tf.range(len(self.cells)))[:, None]
        end = self.window.steps if self.window.lengths_B is None else self.window.lengths_B
        active = (t_L1 >= 0) & (t_L1 < end)
        return tf.broadcast_to(active, (len(self.cells), self.window.rows))[..., None]

    def outputs(self, h_WBS: tf.Tensor) -> tf.Tensor:
        """The last layer's `h_TBS` from what it put out at each wave."""
        return self.window.outputs(h_WBS[len(self.cells) - 1 :, :, : self.cells[-1].units])

    def _pad_time(self, tensor_T: tf.Tensor, before: int) -> tf.Tensor:
        """Zeros for the L - 1 waves more than time steps, `before` of them in front."""
        after = len(self.cells) - 1 - before
        return tf.pad(tensor_T, [(before, after), *[(0, 0)] * (tensor_T.shape.rank - 1)])


def _pad(tensor: tf.Tensor, size: int, axis: int) -> tf.Tensor:
    """Zeros at the end of `axis` until it has `size` elements."""
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
    padded = _pad(tf.reshape(tensor, (*front, gates, units)), size, axis=len(front) + 1)
    return tf.reshape(padded, (*front, gates * size))
