"""Writing into a `TensorArray` within a loop, with a gradient that leaves the gradients of other places where they are.

    forward:     a[t] = h                       in a loop over t, each place once
    TensorFlow:  d_h = d_a[t];  d_a[t] = 0      what was there before the write has no part in what is read later
    here:        d_h = d_a[t]                   nothing reads d_a[t] again

In the backward loop TensorFlow's gradient reads the list of gradients and writes to it in the same turn, and XLA then
copies the list twice in every turn: the time of a window of T steps grows with T². docs/linear_time.py shows it.

Leaving out the zeros is right where each place is written at most once and where no gradient of what was there before
is wanted. Then d_a[t] is read by the one write at t alone; with the list it reaches the gradient of the array as it was
before the loop, which was made of constants, so that nobody asks for it. It would be wrong for a place that is written
twice (the first write would receive the gradient of the second one's value), for a place that is read and later written
again, and for an array that begins with values of which a gradient is wanted. The gradient is made of differentiable
operations, so there is a second one: a read, of which TensorFlow's gradient is a write into an empty list.

Source: TensorFlow 2.21, `tensorflow/python/ops/list_ops.py`, `_TensorListSetItemGrad`.
"""

import tensorflow as tf

# `tf.compat.v1`, where it is public, would import the Keras of TensorFlow 1; see `core.deferred_imports`.
from tensorflow.python.framework.ops import get_default_graph


def write_once(array: tf.TensorArray, n: int | tf.Tensor, value: tf.Tensor) -> tf.TensorArray:
    """`array.write(n, value)`, for a place written once in an array of fixed size that begins with constants."""
    if tf.executing_eagerly():
        return array.write(n, value)  # there the array is a list of Python's
    # With the public `gradient_override_map` the name of the gradient would stand in the graph, and a network could no
    # longer be saved as a SavedModel, for which TensorFlow calls a named gradient with the operation's inputs.
    with get_default_graph()._override_gradient_function({"TensorListSetItem": _gradient}):
        return array.write(n, value)


def _gradient(op: tf.Operation, d_list: tf.Tensor) -> tuple[tf.Tensor, None, tf.Tensor]:
    """The gradients of the list before the write, of the place and of the value from that of the list after it."""
    _, n, value = op.inputs
    d_value = tf.raw_ops.TensorListGetItem(
        input_handle=d_list, index=n, element_shape=tf.shape(value), element_dtype=value.dtype
    )
    return d_list, None, d_value
