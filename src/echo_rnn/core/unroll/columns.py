"""Waves in columns: states `[S, X]`, where X is the batch of the first layer, then that of the second, and so on.

For small networks. A processor's vectors then run over batch rows and layers, whatever the number of units, and an
output becomes the input of the next layer by a shift of B columns; every column has its own copy of its layer's
weights. X is padded to a multiple of `_VECTOR` with columns of no layer; without weights and never active, they stay
at zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, StackState, State
from echo_rnn.core.unroll.waves import StackableCell, Waves, pad

_VECTOR = 8
_NO_LAYER = 2**30


class Columns(Waves):
    """`Waves` in another layout; T and B must be known when the graph is made."""

    @property
    def cell(self) -> StackableCell:
        """See `Waves`."""
        return replace(super().cell, axis=-2)

    @property
    def batch_size(self) -> int:
        """B."""
        return int(self.window.batch_size)

    @property
    def columns(self) -> int:
        """X."""
        return -(-len(self.cells) * self.batch_size // _VECTOR) * _VECTOR

    def stack_weights(self, weights: Sequence[CellWeights]) -> CellWeights:
        """See `Waves`; `kernel [I, G, X]`, `recurrent [S, G, X]` and `bias [G, X]` or `[2, G, X]`."""
        return CellWeights(*(self._spread(layers) for layers in zip(*self.padded_weights(weights), strict=True)))

    def stack_state(self, state: StackState) -> State:
        """See `Waves`; each part `[S, X]`."""
        return tuple(
            pad(tf.transpose(tf.concat(layers, axis=0)), self.columns, axis=1) for layers in self.padded_state(state)
        )

    def unstack_state(self, state: State) -> StackState:
        """See `Waves`."""
        return tuple(
            tuple(
                tf.transpose(part_SX[: cell.units, layer * self.batch_size : (layer + 1) * self.batch_size])
                for part_SX in state
            )
            for layer, cell in enumerate(self.cells)
        )

    def inputs(self) -> tf.Tensor:
        """See `Waves`; `[W, I, B]`."""
        return tf.transpose(self.pad_time(pad(self.window.x_TBI, self.features, axis=2)), (0, 2, 1))

    def masks(self) -> tf.Tensor | None:
        """See `Waves`; `[W, S, X - B]`."""
        if not self.window.masks:
            return None
        return pad(
            tf.transpose(tf.concat(self.padded_masks(), axis=1), (0, 2, 1)), self.columns - self.batch_size, axis=2
        )

    def layer_inputs(self, x: tf.Tensor, h: tf.Tensor, masks: tf.Tensor | None) -> tf.Tensor:
        """See `Waves`; `[I, X]`. The top layer's output is the input of no layer."""
        up = h[..., : self.columns - self.batch_size]
        if masks is not None:
            up = up * tf.stop_gradient(masks)
        width = max(self.features, self.cell.units)
        return tf.concat([x, pad(up, width, axis=-2)[..., : self.features, :]], axis=-1)

    def layer_input_gradients(self, d_inputs: tf.Tensor, masks: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Waves`."""
        d_up = d_inputs[..., : self.cell.units, self.batch_size :]
        if masks is not None:
            d_up = d_up * masks
        return d_inputs[..., : self.batch_size], pad(pad(d_up, self.cell.units, axis=-2), self.columns, axis=-1)

    def active(self, w: tf.Tensor) -> tf.Tensor:
        """See `Waves`; `[1, X]`."""
        layers, batch_size = len(self.cells), self.batch_size
        layer_X = np.full(self.columns, _NO_LAYER, np.int32)
        layer_X[: layers * batch_size] = np.repeat(np.arange(layers), batch_size)
        t_X = w - layer_X
        lengths_B = self.window.lengths_B
        end = self.window.steps if lengths_B is None else pad(tf.tile(lengths_B, [layers]), self.columns, axis=0)
        return ((t_X >= 0) & (t_X < end))[None]

    def top(self, h: tf.Tensor) -> tf.Tensor:
        """See `Waves`; `[S, B]`."""
        first = (len(self.cells) - 1) * self.batch_size
        return h[..., first : first + self.batch_size]

    def writer(self) -> tf.TensorArray:
        """See `Waves`."""
        return tf.TensorArray(self.window.x_TBI.dtype, self.count, element_shape=(self.cell.units, self.batch_size))

    def top_gradient(self, d_top: tf.Tensor) -> tf.Tensor:
        """See `Waves`."""
        before = (len(self.cells) - 1) * self.batch_size
        after = self.columns - before - self.batch_size
        return tf.pad(d_top, [*[(0, 0)] * (d_top.shape.rank - 1), (before, after)])

    def outputs(self, top_W: tf.Tensor) -> tf.Tensor:
        """See `Waves`."""
        h_TSB = top_W[len(self.cells) - 1 :, : self.cells[-1].units]
        return self.window.outputs(tf.transpose(h_TSB, (0, 2, 1)))

    def _spread(self, layers: Sequence[tf.Tensor]) -> tf.Tensor:
        """A weight of every layer `[…]` as `[…, X]`: for each column its layer's."""

        def run(*layers: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
            weight_L = tf.stack(layers, axis=-1)
            shape = (*weight_L.shape, self.batch_size)
            columns = tf.reshape(tf.broadcast_to(weight_L[..., None], shape), (*weight_L.shape[:-1], -1))
            return pad(columns, self.columns, axis=-1), self._gather

        return tf.custom_gradient(run)(*layers)

    def _gather(self, d_X: tf.Tensor) -> list[tf.Tensor]:
        """The gradients of all layers' weights from that of `_spread`, `[…, X]`: sums over the columns of a layer."""
        parts = [d_X[..., layer * self.batch_size : (layer + 1) * self.batch_size] for layer in range(len(self.cells))]
        if self.batch_size > _VECTOR:
            return [tf.reduce_sum(part, axis=-1) for part in parts]
        # As a sum of few columns this is a loop of its own. XLA would fuse a reduction into the loop over waves before
        # it, and the vectors of that loop would then end at every layer.
        return [tf.add_n(tf.unstack(part, axis=-1)) for part in parts]
