"""Counts what a graph holds and what it runs."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from echo_rnn.core.cells import Lstm
from echo_rnn.core.unroll import window


def lstm(units):
    return Lstm(units, forget_bias=1.0)


def network(sizes, features, batch_size, cell=lstm):
    """Cells, weights and a state of zeros."""
    cells = tuple(map(cell, sizes))
    weights = tuple(
        layer.initial_weights(inputs, (0, 1)) for layer, inputs in zip(cells, (features, *sizes), strict=False)
    )
    return cells, weights, tuple(layer.zero_state(batch_size, tf.float32) for layer in cells)


def gradient_graph(unroll, steps, sizes=(4, 4), batch_size=2, cell=lstm):
    """The concrete function of a strategy and its backward pass."""
    cells, weights, state = network(sizes, 1, batch_size, cell)

    @tf.function(autograph=False)
    def gradients(weights, x_TBI):
        with tf.GradientTape() as tape:
            tape.watch((weights, x_TBI))
            h_TBS, _ = unroll(cells, weights, window(x_TBI), state)
            loss = tf.reduce_sum(h_TBS)
        return tape.gradient(loss, (weights, x_TBI))

    return gradients.get_concrete_function(weights, tf.zeros((steps, batch_size, 1)))


def operations(concrete):
    """How often each operation stands in a concrete function, bodies of loops and other functions counted once."""
    graph = concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return Counter(node.op for node in nodes)


@dataclass(frozen=True)
class CountingLstm(Lstm):
    """Counts how often `recur` or `forward_with_residuals`, the arithmetic of a step or of a wave, really runs."""

    runs: ClassVar[list[int]] = [0]

    def recur(self, weights, z_BG, state):
        return super().recur(weights, self.counted(z_BG), state)

    def forward_with_residuals(self, weights, z_BG, state):
        return super().forward_with_residuals(weights, self.counted(z_BG), state)

    def counted(self, z_BG):
        with tf.control_dependencies([tf.numpy_function(self.count, [], [])]):
            return tf.identity(z_BG)

    def count(self):
        self.runs[0] += 1


def runs(unroll, steps, sizes, lengths=None):
    """How often a step of a layer, or a wave, is computed when a window runs in a graph."""
    batch_size = 2 if lengths is None else len(lengths)
    cells, weights, state = network(sizes, 1, batch_size, lambda units: CountingLstm(units, forget_bias=1.0))
    lengths_B = None if lengths is None else tf.constant(lengths)
    x_TBI = tf.zeros((steps, batch_size, 1))
    function = tf.function(lambda: unroll(cells, weights, window(x_TBI, lengths_B), state)[0], autograph=False)
    CountingLstm.runs[0] = 0
    function().numpy()
    return CountingLstm.runs[0]
