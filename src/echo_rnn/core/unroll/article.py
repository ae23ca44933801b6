"""The article's own APIs, `tf.compat.v1.nn.dynamic_rnn` and `static_rnn`, with the stack of layers as their cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState
from echo_rnn.core.unroll.window import Step, Window, step_stack

_NN = tf.compat.v1.nn  # imported here, and not while a program is traced


@dataclass(frozen=True)
class ArticleCell:
    """What a `MultiRNNCell` was in the article: all layers at one time step.

    Attributes:
        cells: The layers.
        weights: Their weights.
        initial: The state that tells the sizes of all others.
    """

    cells: Sequence[Cell]
    weights: Sequence[CellWeights]
    initial: StackState

    @property
    def state_size(self) -> tuple[tuple[int, ...], ...]:
        """Sizes in the structure of the state."""
        return tuple(tuple(int(part.shape[-1]) for part in layer) for layer in self.initial)

    @property
    def output_size(self) -> int:
        """The last layer's units."""
        return self.cells[-1].units

    def zero_state(self, batch_size: int, dtype: tf.DType) -> StackState:
        """The state before the first time step; never asked for, since an initial state is always given."""
        return tuple(cell.zero_state(batch_size, dtype) for cell in self.cells)

    def __call__(
        self, inputs: tuple[tf.Tensor, ...], state: StackState, scope: object = None
    ) -> tuple[tf.Tensor, StackState]:
        """One time step; ends of rows are the caller's business."""
        x_BI, *masks = inputs
        return step_stack(self.cells, self.weights, Step(x_BI, None, tuple(map(tf.stop_gradient, masks))), state)


def _arguments(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> dict[str, object]:
    """The arguments that both APIs share."""
    return {
        "cell": ArticleCell(cells, weights, state),
        "initial_state": state,
        "sequence_length": window.lengths_B,
        "dtype": window.x_TBI.dtype,
    }


def dynamic_rnn(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """The article's part 5: `tf.compat.v1.nn.dynamic_rnn`, through a cell adapter.

    The order of work and what is stored are those of `dynamic`, which is written after it: about 8·S values for each
    (layer, step, row) of an LSTM, in a graph that does not grow with T. With `lengths_B` the loop ends with the longest
    row, and where a row has ended, a conditional at each step skips the copies that are not needed. Under XLA time
    grows with the square of T, since the gradient of its writes is TensorFlow's (see `write`). Source: TensorFlow 2.21,
    `tensorflow/python/ops/rnn.py`.
    """
    h_TBS, state = _NN.dynamic_rnn(inputs=window.arrays, time_major=True, **_arguments(cells, weights, window, state))
    return h_TBS, state


def static_rnn(
    cells: Sequence[Cell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """The article's parts 2 to 4: `tf.compat.v1.nn.static_rnn`, through a cell adapter.

    The order of work and what is stored are those of `static`, which is written after it: about 8·S values for each
    (layer, step, row) of an LSTM, in a graph that grows linearly in T. With `lengths_B` every step of the graph becomes
    a conditional, and steps past the longest row are skipped at run time. Source: TensorFlow 2.21,
    `tensorflow/python/ops/rnn.py`.
    """
    inputs_T = list(zip(*(tf.unstack(array) for array in window.arrays), strict=True))
    h_T, state = _NN.static_rnn(inputs=inputs_T, **_arguments(cells, weights, window, state))
    return tf.stack(h_T), state
