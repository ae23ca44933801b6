"""Checkpointed: long windows in little memory, for one more forward pass.

    forward:    for each segment of k steps:  store the state before it;  run it and store nothing else
    backward:   for each segment, last first: run it again from that state and store all residuals;  its backward pass

Stored for the backward pass: for each (layer, segment, batch row) the state, 2·S for an LSTM and S for the others, and
for each (layer, step, batch row) of one segment what dynamic unrolling stores, about 8·S. With k = √T both grow with
√T. Inputs and outputs of the window still grow with T. Graph size, tracing time and compile time do not depend on T. A
second derivative is TensorFlow's own, of the loops written here: it saves no memory, and not under XLA.

The gradient is manual because `tf.recompute_grad` recomputes one function at a time and a loop around it would
still stack what each call captures. Source: Gruslys et al. 2016, "Memory-Efficient Backpropagation Through Time";
even segments are Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.window import Window

Stack = Sequence[CellWeights]


@dataclass(frozen=True)
class Checkpointed:
    """The strategy for one segment length.

    Attributes:
        steps: Time steps of a segment (k), or `None` for √T.
    """

    steps: int | None = None

    def __call__(
        self, cells: Sequence[Cell], weights: Stack, window: Window, state: StackState
    ) -> tuple[tf.Tensor, StackState]:
        """See `Unroll`."""
        steps = min(self.steps or math.ceil(math.sqrt(window.steps)), window.steps)
        whole = window.steps - window.steps % steps
        h_TBS, state = _Segments(cells, window.part(0, whole), steps)(weights, state)
        if whole == window.steps:
            return h_TBS, state
        rest_TBS, state = _Segments(cells, window.part(whole, window.steps), window.steps - whole)(weights, state)
        return tf.concat([h_TBS, rest_TBS], axis=0), state


@dataclass(frozen=True)
class _Segments:
    """A window cut into segments of `steps` time steps with nothing left over."""

    cells: Sequence[Cell]
    window: Window
    steps: int

    @property
    def count(self) -> int:
        return self.window.steps // self.steps

    def __call__(self, weights: Stack, state: StackState) -> tuple[tf.Tensor, StackState]:
        inputs = (weights, self.window.x_TBI, state)

        def run(*leaves: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Callable[..., tuple[tf.Tensor, ...]]]:
            weights, x_TBI, state = tf.nest.pack_sequence_as(inputs, leaves)
            h_TBS, after, checkpoints = self._forward(weights, x_TBI, state)

            def gradients(*d_leaves: tf.Tensor) -> tuple[tf.Tensor, ...]:
                d_h_TBS, d_after = tf.nest.pack_sequence_as((h_TBS, after), d_leaves)
                return tuple(tf.nest.flatten(self._backward(weights, x_TBI, checkpoints, d_h_TBS, d_after)))

            return tuple(tf.nest.flatten((h_TBS, after))), gradients

        leaves = tf.custom_gradient(run)(*tf.nest.flatten(inputs))
        h_TBS, *after = leaves
        return h_TBS, tf.nest.pack_sequence_as(state, after)

    def _forward(
        self, weights: Stack, x_TBI: tf.Tensor, state: StackState
    ) -> tuple[tf.Tensor, StackState, list[tf.Tensor]]:
        """The outputs, the final state, and the state before each segment, part by part."""
        read = self._array(x_TBI)

        def one_segment(
            n: tf.Tensor, state: StackState, outputs: tf.TensorArray, checkpoints: list[tf.TensorArray]
        ) -> tuple[tf.Tensor, StackState, tf.TensorArray, list[tf.TensorArray]]:
            parts = tf.nest.flatten(state)
            checkpoints = [array.write(n, part) for array, part in zip(checkpoints, parts, strict=True)]
            h_TBS, state = dynamic(self.cells, weights, self._segment(n, read.read(n)), state)
            return n + 1, state, outputs.write(n, h_TBS), checkpoints

        parts = tf.nest.flatten(state)
        checkpoints = [tf.TensorArray(part.dtype, self.count, element_shape=part.shape) for part in parts]
        outputs = tf.TensorArray(x_TBI.dtype, self.count)
        _, state, outputs, checkpoints = tf.while_loop(
            lambda n, *_: n < self.count,
            one_segment,
            (tf.constant(0), state, outputs, checkpoints),
            maximum_iterations=self.count,
        )
        return self._joined(outputs), state, [array.stack() for array in checkpoints]

    def _backward(
        self, weights: Stack, x_TBI: tf.Tensor, checkpoints: list[tf.Tensor], d_h_TBS: tf.Tensor, d_state: StackState
    ) -> tuple[Stack, tf.Tensor, StackState]:
        """The gradients of weights, input and first state from those of the outputs and the final state."""
        read_x, read_d = self._array(x_TBI), self._array(d_h_TBS)
        read_checkpoints = [tf.TensorArray(part.dtype, self.count).unstack(part) for part in checkpoints]

        def one_segment(
            n: tf.Tensor, d_state: StackState, d_weights: Stack, d_x: tf.TensorArray
        ) -> tuple[tf.Tensor, StackState, Stack, tf.TensorArray]:
            state = tf.nest.pack_sequence_as(d_state, [array.read(n) for array in read_checkpoints])
            x_segment = read_x.read(n)
            with tf.GradientTape() as tape:
                tape.watch((weights, x_segment, state))
                ends = dynamic(self.cells, weights, self._segment(n, x_segment), state)
            step, d_x_segment, d_state = tape.gradient(
                ends, (weights, x_segment, state), (read_d.read(n), d_state), unconnected_gradients="zero"
            )
            d_weights = tf.nest.map_structure(tf.add, d_weights, step)
            return n - 1, d_state, d_weights, d_x.write(n, d_x_segment)

        _, d_state, d_weights, d_x = tf.while_loop(
            lambda n, *_: n >= 0,
            one_segment,
            (
                tf.constant(self.count - 1),
                d_state,
                tf.nest.map_structure(tf.zeros_like, weights),
                tf.TensorArray(x_TBI.dtype, self.count),
            ),
            maximum_iterations=self.count,
            # Running a segment again waits for nothing: segments run ahead of time would fill the memory.
            parallel_iterations=1,
        )
        return d_weights, self._joined(d_x), d_state

    def _array(self, tensor_T: tf.Tensor) -> tf.TensorArray:
        """The segments of a tensor with a time axis."""
        segments = tf.reshape(tensor_T, (self.count, self.steps, *_inferred(tensor_T.shape[1:])))
        return tf.TensorArray(tensor_T.dtype, self.count).unstack(segments)

    def _joined(self, array: tf.TensorArray) -> tf.Tensor:
        """The inverse of `_array`."""
        tensor = array.stack()
        return tf.reshape(tensor, (self.window.steps, *_inferred(tensor.shape[2:])))

    def _segment(self, n: tf.Tensor, x_TBI: tf.Tensor) -> Window:
        """Segment n as a window of its own."""
        start = n * self.steps
        lengths_B = None if self.window.lengths_B is None else self.window.lengths_B - start
        masks = tuple(tf.stop_gradient(mask_TBS[start : start + self.steps]) for mask_TBS in self.window.masks)
        return Window(x_TBI, lengths_B, tuple(tf.ensure_shape(mask, (self.steps, *mask.shape[1:])) for mask in masks))


def _inferred(shape: tf.TensorShape) -> list[int]:
    """A shape for `reshape`, which infers the batch size where it is not known."""
    return [-1 if size is None else size for size in shape]
