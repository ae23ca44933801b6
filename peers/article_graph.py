"""The graph of the article: `tf.compat.v1`, `dynamic_rnn` or `static_rnn`, fed state.

The cell is written here, because TensorFlow has moved its own into a package of the past; as there, one product takes
the input and the output before.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1


class Graph(NamedTuple):
    """What a session is asked for, and what it is fed.

    Attributes:
        fetched: Loss, update, state after the window (a pair for each layer), predictions.
        x_BTI: Placeholder of the input.
        y_BT: Placeholder of the targets.
        state_L2BS: Placeholder of the state before the window.
    """

    fetched: list
    x_BTI: tf.Tensor
    y_BT: tf.Tensor
    state_L2BS: tf.Tensor


class StackCell:
    """All layers at one time step, as `dynamic_rnn` and `static_rnn` want it."""

    def __init__(self, kernels, biases, units: int) -> None:
        self.kernels, self.biases = kernels, biases
        self.output_size = units
        self.state_size = tuple((units, units) for _ in kernels)

    def zero_state(self, batch_size, dtype):
        """The state before the first step; TensorFlow wants a cell to have it, though a state is always given."""
        return tuple(tuple(tf.zeros((batch_size, size), dtype) for size in sizes) for sizes in self.state_size)

    def __call__(self, x_BI, state, scope=None):
        """Output and state after the step."""
        after = []
        for kernel, bias, (h_BS, before_BS) in zip(self.kernels, self.biases, state, strict=True):
            i, f, g, o = tf.split(tf.concat([x_BI, h_BS], 1) @ kernel + bias, 4, axis=1)
            c_BS = tf.sigmoid(f) * before_BS + tf.sigmoid(i) * tf.tanh(g)
            x_BI = tf.sigmoid(o) * tf.tanh(c_BS)
            after.append((x_BI, c_BS))
        return x_BI, tuple(after)


def build(weights: list, batch_size: int, window: int, *, written_out: bool, optimizer: tf1.train.Optimizer) -> Graph:
    """Adds the graph to the default one.

    Args:
        weights: As in `echo_rnn.benchmark.measure.problem.Problem`.
        batch_size: B.
        window: T.
        written_out: Whether `static_rnn` writes out the steps, or `dynamic_rnn` loops.
        optimizer: What minimises the loss.
    """
    *layers, head, head_bias = weights
    units = len(head)
    kernels = [tf1.Variable(np.concatenate(layers[n : n + 2])) for n in range(0, len(layers), 3)]
    biases = [tf1.Variable(layers[n]) for n in range(2, len(layers), 3)]
    x_BTI = tf1.placeholder(tf.float32, (batch_size, window, len(layers[0])))
    y_BT = tf1.placeholder(tf.int32, (batch_size, window))
    state_L2BS = tf1.placeholder(tf.float32, (len(kernels), 2, batch_size, units))
    cell = StackCell(kernels, biases, units)
    before = tuple((state_L2BS[layer, 0], state_L2BS[layer, 1]) for layer in range(len(kernels)))
    if written_out:
        outputs, after = tf1.nn.static_rnn(cell, tf.unstack(x_BTI, axis=1), before)
        h_BTS = tf.stack(outputs, axis=1)
    else:
        h_BTS, after = tf1.nn.dynamic_rnn(cell, x_BTI, initial_state=before)
    logits_NC = tf.reshape(h_BTS, (-1, units)) @ tf1.Variable(head) + tf1.Variable(head_bias)
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(y_BT, (-1,)), logits=logits_NC)
    )
    # The article asks for the predictions of every window, too.
    fetched = [loss, optimizer.minimize(loss), after, tf.nn.softmax(logits_NC)]
    return Graph(fetched, x_BTI, y_BT, state_L2BS)


def session(threads: int) -> tf1.Session:
    """A session whose variables have their first values."""
    config = tf1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    opened = tf1.Session(config=config)
    opened.run(tf1.global_variables_initializer())
    return opened
