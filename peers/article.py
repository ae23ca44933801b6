"""The article's own loop: a graph of `tf.compat.v1`, and one `Session.run` with fed state for each window.

    python article.py dynamic|static PROBLEM

The cell is written here, because TensorFlow has moved its own into a package of the past; as there, one product takes
the input and the output before.
"""

import sys

import numpy as np
import tensorflow as tf

from echo_rnn.peers.problem import Problem
from echo_rnn.peers.worker import Ready, serve

tf1 = tf.compat.v1


class StackCell:
    """All layers at one time step, as `dynamic_rnn` and `static_rnn` want it."""

    def __init__(self, kernels, biases, units: int) -> None:
        self.kernels, self.biases = kernels, biases
        self.output_size = units
        self.state_size = tuple((units, units) for _ in kernels)

    def zero_state(self, batch_size, dtype):
        """Asked for, and never called, since a state is always given."""
        raise NotImplementedError

    def __call__(self, x_BI, state, scope=None):
        """Output and state after the step."""
        after = []
        for kernel, bias, (h_BS, before_BS) in zip(self.kernels, self.biases, state, strict=True):
            i, f, g, o = tf.split(tf.concat([x_BI, h_BS], 1) @ kernel + bias, 4, axis=1)
            c_BS = tf.sigmoid(f) * before_BS + tf.sigmoid(i) * tf.tanh(g)
            x_BI = tf.sigmoid(o) * tf.tanh(c_BS)
            after.append((x_BI, c_BS))
        return x_BI, tuple(after)


def prepare(problem: Problem) -> Ready:
    """Builds the graph; it is compiled by the first call."""
    tf1.disable_eager_execution()
    *layers, head, head_bias = problem.weights
    kernels = [tf1.Variable(np.concatenate(layers[n : n + 2])) for n in range(0, len(layers), 3)]
    biases = [tf1.Variable(layers[n]) for n in range(2, len(layers), 3)]
    x_BTI = tf1.placeholder(tf.float32, (problem.rows, problem.window, problem.inputs))
    y_BT = tf1.placeholder(tf.int32, (problem.rows, problem.window))
    fed_L2BS = tf1.placeholder(tf.float32, (problem.layers, 2, problem.rows, problem.units))
    cell = StackCell(kernels, biases, problem.units)
    before = tuple((fed_L2BS[layer, 0], fed_L2BS[layer, 1]) for layer in range(problem.layers))
    if sys.argv[1] == "static":
        outputs, after = tf1.nn.static_rnn(cell, tf.unstack(x_BTI, axis=1), before)
        h_BTS = tf.stack(outputs, axis=1)
    else:
        h_BTS, after = tf1.nn.dynamic_rnn(cell, x_BTI, initial_state=before)
    logits_NC = tf.reshape(h_BTS, (-1, problem.units)) @ tf1.Variable(head) + tf1.Variable(head_bias)
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(y_BT, (-1,)), logits=logits_NC)
    )
    optimizer = tf1.train.AdagradOptimizer(problem.learning_rate, problem.accumulator)
    # The article asks for the predictions of every window, too.
    fetched = [loss, optimizer.minimize(loss), after, tf.nn.softmax(logits_NC)]
    session = tf1.Session(
        config=tf1.ConfigProto(
            intra_op_parallelism_threads=problem.threads, inter_op_parallelism_threads=problem.threads
        )
    )
    session.run(tf1.global_variables_initializer())
    x_WBTI, y_WBT = problem.x_WTBI.swapaxes(1, 2), problem.y_WTB.swapaxes(1, 2)
    state = np.zeros(fed_L2BS.shape, np.float32)
    next_window = 0

    def run(steps):
        nonlocal state, next_window
        losses = []
        for _ in range(steps):
            fed = {x_BTI: x_WBTI[next_window], y_BT: y_WBT[next_window], fed_L2BS: state}
            value, _, state, _ = session.run(fetched, fed)
            losses.append(value)
            next_window = (next_window + 1) % problem.windows
        return losses

    return Ready(run, 1, f"tensorflow {tf.__version__}")


serve(prepare)
