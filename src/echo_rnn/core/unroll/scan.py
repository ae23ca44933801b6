"""Loops of the graph over time steps, waves or segments, and what is read and written in them."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from echo_rnn.core.unroll.write import write_once


def scan(
    step: Callable[[tf.Tensor, Any], tuple[Any, Sequence[tf.Tensor]]],
    carry: Any,
    arrays: Sequence[tf.TensorArray],
    count: int | tf.Tensor,
    *,
    end: int | tf.Tensor | None = None,
    backward: bool = False,
    parallel_iterations: int = 10,
) -> tuple[Any, list[tf.Tensor]]:
    """Runs `carry, outputs = step(n, carry)` for n from 0 up, and stacks each output.

    Args:
        step: One turn of the loop.
        carry: Tensors for the first turn.
        arrays: For each output an array of `count` elements, of a fixed size, that begin with constants.
        count: The most turns. XLA needs the bound to lay out what the backward pass reads again.
        end: The n before which the loop ends; left out, `count`.
        backward: Whether n runs from `count` - 1 down to 0 instead.
        parallel_iterations: Turns that may run at a time, where they wait for nothing.

    Returns:
        What the last turn carries on, and the outputs of all turns.
    """
    end = count if end is None else end

    def turn(n: tf.Tensor, carry: Any, arrays: Sequence[tf.TensorArray]) -> tuple[tf.Tensor, Any, list[tf.TensorArray]]:
        carry, outputs = step(n, carry)
        following = n - 1 if backward else n + 1
        return following, carry, [write_once(array, n, output) for array, output in zip(arrays, outputs, strict=True)]

    _, carry, arrays = tf.while_loop(
        lambda n, *_: n >= 0 if backward else n < end,
        turn,
        (tf.convert_to_tensor(count - 1 if backward else 0), carry, list(arrays)),
        maximum_iterations=count,
        parallel_iterations=parallel_iterations,
    )
    return carry, [array.stack() for array in arrays]


def reader(tensors: Any, count: int | tf.Tensor) -> Callable[[tf.Tensor], Any]:
    """A function from n to the elements of `tensors`, a structure, at n on their first axis of size `count`.

    The gradient of reading a tensor by index would be a tensor of zeros for each turn of a loop; that of a
    `TensorArray` is one write.
    """
    arrays = tf.nest.map_structure(lambda tensor: tf.TensorArray(tensor.dtype, count).unstack(tensor), tensors)
    return lambda n: tf.nest.map_structure(lambda array: array.read(n), arrays)
