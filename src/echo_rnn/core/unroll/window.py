"""A strategy's input: all time steps of a truncation window, the batch rows' lengths, and the masks between layers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import tensorflow as tf

from echo_rnn.core.cells.cell import Cell, CellWeights, StackState, State
from echo_rnn.core.unroll.scan import reader


class Step(NamedTuple):
    """The arguments of one time step besides weights and state.

    Attributes:
        x_BI: The input.
        active_B1: Which batch rows have not ended, or `None` where all are as long as the window.
        masks: For each boundary between layers a factor `[B, S]` of the lower layer's output, a constant to every
            gradient; may be empty.
    """

    x_BI: tf.Tensor
    active_B1: tf.Tensor | None
    masks: tuple[tf.Tensor, ...]


@dataclass(frozen=True)
class Window:
    """All time steps; see `Step`. B need not be known when the graph is made, nor T where a strategy only loops.

    Attributes:
        x_TBI: The input; past the end of a row it is 0.
        lengths_B: Time steps of each row, or `None`.
        masks: For each boundary between layers `[T, B, S]`; may be empty.
    """

    x_TBI: tf.Tensor
    lengths_B: tf.Tensor | None = None
    masks: tuple[tf.Tensor, ...] = ()

    @property
    def steps(self) -> int | tf.Tensor:
        """T."""
        return _size(self.x_TBI, 0)

    @property
    def batch_size(self) -> int | tf.Tensor:
        """B."""
        return _size(self.x_TBI, 1)

    @property
    def longest(self) -> int | tf.Tensor:
        """The time steps of the longest row, where a loop may stop."""
        if self.lengths_B is None:
            return self.steps
        return tf.minimum(tf.reduce_max(self.lengths_B), self.steps)

    def part(self, start: int, end: int) -> "Window":
        """Time steps `start` to `end` as a window of their own."""
        lengths_B = None if self.lengths_B is None else self.lengths_B - start
        return Window(self.x_TBI[start:end], lengths_B, tuple(mask[start:end] for mask in self.masks))

    @property
    def arrays(self) -> tuple[tf.Tensor, ...]:
        """The arrays with an element for each time step: the input, then the masks."""
        return self.x_TBI, *self.masks

    def step(self, t: int | tf.Tensor, arrays: Sequence[tf.Tensor]) -> Step:
        """Time step t from the elements of `arrays` at t."""
        x_BI, *masks = arrays
        return Step(x_BI, self.active_B1(t), tuple(map(tf.stop_gradient, masks)))

    def active_B1(self, t: int | tf.Tensor) -> tf.Tensor | None:
        """Which rows have not ended at time step t, or `None` where all are as long as the window."""
        return None if self.lengths_B is None else (t < self.lengths_B)[:, None]

    def unstacked(self) -> list[Step]:
        """All time steps."""
        arrays_T = zip(*(tf.unstack(array) for array in self.arrays), strict=True)
        return [self.step(t, arrays) for t, arrays in enumerate(arrays_T)]

    def reader(self) -> Callable[[tf.Tensor], Step]:
        """A function from t to time step t, for use in a loop of the graph."""
        read = reader(self.arrays, self.steps)
        return lambda t: self.step(t, read(t))

    def writer(self, units: int, count: int | tf.Tensor | None = None) -> tf.TensorArray:
        """An array for `h_BS` of each time step, or of `count` steps; what is never written is 0."""
        count = self.steps if count is None else count
        batch_size = self.x_TBI.shape[1]
        array = tf.TensorArray(self.x_TBI.dtype, count, element_shape=(batch_size, units))
        if batch_size is None and self.lengths_B is not None:
            # Where every row is empty, nothing is written, and the array would not have the size of the batch.
            return array.unstack(tf.zeros((count, self.batch_size, units), self.x_TBI.dtype))
        return array

    def outputs(self, h_TBS: tf.Tensor) -> tf.Tensor:
        """The outputs with zeros past the end of each row."""
        return h_TBS if self.lengths_B is None else tf.where(self.active_TB1, h_TBS, 0)

    def last(self, state_TBS: tf.Tensor, first_BS: tf.Tensor) -> tf.Tensor:
        """The state after each row's last step, from those after all steps and the one before the first."""
        if self.lengths_B is None:
            return state_TBS[-1]
        states_BTS = tf.transpose(tf.concat([first_BS[None], state_TBS], axis=0), (1, 0, 2))
        return tf.gather(states_BTS, self.lengths_B, batch_dims=1)

    @property
    def active_TB1(self) -> tf.Tensor:
        """Which steps are before their row's end; only with `lengths_B`."""
        return (tf.range(self.steps)[:, None] < self.lengths_B)[:, :, None]


def window(x_TBI: tf.Tensor, lengths_B: tf.Tensor | None = None, masks: Sequence[tf.Tensor] = ()) -> Window:
    """A window with padding set to 0, so that it changes no output and no gradient.

    Args:
        x_TBI: The input.
        lengths_B: Time steps of each row, `int32`, or `None` where all rows are as long as the window.
        masks: For each boundary between layers a factor `[T, B, S]`, or `[1, B, S]` for a constant one; or empty.
    """
    steps = _size(x_TBI, 0)
    masks = tuple(tf.broadcast_to(mask, (steps, _size(mask, 1), mask.shape[2])) for mask in masks)
    if lengths_B is None:
        return Window(x_TBI, None, masks)
    whole = Window(x_TBI, tf.minimum(lengths_B, steps), masks)
    # NaN in the padding times a gradient of zero would still be NaN.
    return replace(whole, x_TBI=tf.where(whole.active_TB1, x_TBI, 0))


def _size(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """The size of an axis, a number where it is known when the graph is made."""
    return tf.shape(tensor)[axis] if tensor.shape[axis] is None else int(tensor.shape[axis])


def keep_ended(active_B1: tf.Tensor | None, after: State, before: State) -> State:
    """The state after a step for the rows that have not ended, the state before it for the others."""
    if active_B1 is None:
        return after
    return tuple(tf.where(active_B1, new_BS, old_BS) for new_BS, old_BS in zip(after, before, strict=True))


def states_before(first: State, states_T: State) -> State:
    """The states before all steps, each part `[T, …]`, from the one before the first step and those after each."""
    return tuple(tf.concat([part[None], rest[:-1]], axis=0) for part, rest in zip(first, states_T, strict=True))


def step_stack(
    cells: Sequence[Cell], weights: Sequence[CellWeights], step: Step, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """One time step through all layers.

    Returns:
        The last layer's output `h_BS`, anything in rows that have ended, and the state of every layer.
    """
    after = []
    h = step.x_BI
    for index, (cell, cell_weights, before) in enumerate(zip(cells, weights, state, strict=True)):
        h, cell_state = cell.recur(cell_weights, cell.project(cell_weights, h), before)
        after.append(keep_ended(step.active_B1, cell_state, before))
        if index < len(step.masks):
            h = h * step.masks[index]
    return h, tuple(after)
