"""Waves with the layers on an axis of their own: states `[L, B, S]`, one batched matrix product for all layers."""

from collections.abc import Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, StackState, State
from echo_rnn.core.unroll.waves import Waves, pad


class Stacked(Waves):
    """See `Waves`."""

    def stack_weights(self, weights: Sequence[CellWeights]) -> CellWeights:
        """See `Waves`; `kernel [L, I, G]`, `recurrent [L, S, G]` and `bias [L, 1, G]` or `[2, L, 1, G]`."""
        kernels, recurrents, biases = zip(*self.padded_weights(weights), strict=True)
        bias_LG = tf.stack(biases, axis=biases[0].shape.rank - 1)
        return CellWeights(tf.stack(kernels), tf.stack(recurrents), bias_LG[..., None, :])

    def stack_state(self, state: StackState) -> State:
        """See `Waves`; each part `[L, B, S]`."""
        return tuple(tf.stack(layers) for layers in self.padded_state(state))

    def unstack_state(self, state: State) -> StackState:
        """See `Waves`."""
        return tuple(
            tuple(part_LBS[layer, :, : cell.units] for part_LBS in state) for layer, cell in enumerate(self.cells)
        )

    def inputs(self) -> tf.Tensor:
        """See `Waves`; `[W, 1, B, I]`."""
        return self.pad_time(pad(self.window.x_TBI, self.features, axis=2))[:, None]

    def masks(self) -> tf.Tensor | None:
        """See `Waves`; `[W, L - 1, B, S]`."""
        return tf.stack(self.padded_masks(), axis=1) if self.window.masks else None

    def layer_inputs(self, x: tf.Tensor, h: tf.Tensor, masks: tf.Tensor | None) -> tf.Tensor:
        """See `Waves`; `[L, B, I]`."""
        up = h[..., :-1, :, :]
        if masks is not None:
            up = up * tf.stop_gradient(masks)
        # Of a single layer this is empty, and may then be wider than its input.
        width = max(self.features, self.cell.units)
        return tf.concat([x, pad(up, width, axis=-1)[..., : self.features]], axis=-3)

    def layer_input_gradients(self, d_inputs: tf.Tensor, masks: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Waves`."""
        d_up = d_inputs[..., 1:, :, : self.cell.units]
        if masks is not None:
            d_up = d_up * masks
        d_h = tf.pad(pad(d_up, self.cell.units, axis=-1), [*[(0, 0)] * (d_up.shape.rank - 3), (0, 1), (0, 0), (0, 0)])
        return d_inputs[..., :1, :, :], d_h

    def active(self, w: tf.Tensor) -> tf.Tensor:
        """See `Waves`; `[L, B, 1]`."""
        t_L1 = (w - tf.range(len(self.cells)))[:, None]
        end = self.window.steps if self.window.lengths_B is None else self.window.lengths_B
        active = (t_L1 >= 0) & (t_L1 < end)
        return tf.broadcast_to(active, (len(self.cells), self.window.batch_size))[..., None]

    def top(self, h: tf.Tensor) -> tf.Tensor:
        """See `Waves`; `[B, S]`."""
        return h[..., -1, :, :]

    def writer(self) -> tf.TensorArray:
        """See `Waves`."""
        return self.window.writer(self.cell.units, self.count)

    def top_gradient(self, d_top: tf.Tensor) -> tf.Tensor:
        """See `Waves`."""
        d_top = d_top[..., None, :, :]
        return tf.pad(d_top, [*[(0, 0)] * (d_top.shape.rank - 3), (len(self.cells) - 1, 0), (0, 0), (0, 0)])

    def outputs(self, top_W: tf.Tensor) -> tf.Tensor:
        """See `Waves`."""
        return self.window.outputs(top_W[len(self.cells) - 1 :, :, : self.cells[-1].units])
