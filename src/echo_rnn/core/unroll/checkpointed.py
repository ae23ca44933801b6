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
from echo_rnn.core.unroll.scan import reader, scan
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
        def run(
            weights: Stack, x_TBI: tf.Tensor, state: StackState
        ) -> tuple[tuple[tf.Tensor, StackState], Callable[..., tuple[Stack, tf.Tensor, StackState]]]:
            h_TBS, after, checkpoints = self._forward(weights, x_TBI, state)

            def gradients(d_h_TBS: tf.Tensor, *d_after: tf.Tensor) -> tuple[Stack, tf.Tensor, StackState]:
                d_state = tf.nest.pack_sequence_as(after, d_after)
                return self._backward(weights, x_TBI, checkpoints, d_h_TBS, d_state)

            return (h_TBS, after), gradients

        h_TBS, after = tf.custom_gradient(run)(weights, self.window.x_TBI, state)
        return h_TBS, after

    def _forward(self, weights: Stack, x_TBI: tf.Tensor, state: StackState) -> tuple[tf.Tensor, StackState, StackState]:
        """The outputs, the final state, and the state before each segment."""
        read_x = reader(self._cut(x_TBI), self.count)

        def one_segment(n: tf.Tensor, state: StackState) -> tuple[StackState, list[tf.Tensor]]:
            h_TBS, after = dynamic(self.cells, weights, self._segment(n, read_x(n)), state)
            return after, [h_TBS, *tf.nest.flatten(state)]

        parts = tf.nest.flatten(state)
        arrays = [tf.TensorArray(part.dtype, self.count, element_shape=part.shape) for part in parts]
        shape = (self.steps, x_TBI.shape[1], self.cells[-1].units)
        outputs = tf.TensorArray(x_TBI.dtype, self.count, element_shape=shape)
        final, (h, *checkpoints) = scan(one_segment, state, [outputs, *arrays], self.count)
        return self._joined(h), final, tf.nest.pack_sequence_as(state, checkpoints)

    def _backward(
        self, weights: Stack, x_TBI: tf.Tensor, checkpoints: StackState, d_h_TBS: tf.Tensor, d_state: StackState
    ) -> tuple[Stack, tf.Tensor, StackState]:
        """The gradients of weights, input and first state from those of the outputs and the final state."""
        read = reader((self._cut(x_TBI), self._cut(d_h_TBS), checkpoints), self.count)

        def one_segment(
            n: tf.Tensor, carry: tuple[StackState, Stack]
        ) -> tuple[tuple[StackState, Stack], list[tf.Tensor]]:
            d_state, d_weights = carry
            x_segment, d_segment, state = read(n)
            with tf.GradientTape() as tape:
                tape.watch((weights, x_segment, state))
                ends = dynamic(self.cells, weights, self._segment(n, x_segment), state)
            step, d_x_segment, d_state = tape.gradient(
                ends, (weights, x_segment, state), (d_segment, d_state), unconnected_gradients="zero"
            )
            return (d_state, tf.nest.map_structure(tf.add, d_weights, step)), [d_x_segment]

        (d_state, d_weights), (d_x,) = scan(
            one_segment,
            (d_state, tf.nest.map_structure(tf.zeros_like, weights)),
            [tf.TensorArray(x_TBI.dtype, self.count)],
            self.count,
            backward=True,
            # Running a segment again waits for nothing: segments run ahead of time would fill the memory.
            parallel_iterations=1,
        )
        return d_weights, self._joined(d_x), d_state

    def _cut(self, tensor_T: tf.Tensor) -> tf.Tensor:
        """The segments of a tensor with a time axis."""
        return tf.reshape(tensor_T, (self.count, self.steps, *_inferred(tensor_T.shape[1:])))

    def _joined(self, segments: tf.Tensor) -> tf.Tensor:
        """The inverse of `_cut`."""
        return tf.reshape(segments, (self.window.steps, *_inferred(segments.shape[2:])))

    def _segment(self, n: tf.Tensor, x_TBI: tf.Tensor) -> Window:
        """Segment n as a window of its own."""
        lengths_B = None if self.window.lengths_B is None else self.window.lengths_B - n * self.steps
        # Not a slice from a step that XLA does not know: it would keep the size of the whole.
        masks = tuple(tf.stop_gradient(tf.gather(self._cut(mask_TBS), n)) for mask_TBS in self.window.masks)
        return Window(x_TBI, lengths_B, masks)


def _inferred(shape: tf.TensorShape) -> list[int]:
    """A shape for `reshape`, which infers the batch size where it is not known."""
    return [-1 if size is None else size for size in shape]
