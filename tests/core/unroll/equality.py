"""Runs a strategy on a problem, eagerly, in a graph or under XLA, and holds everything it returns against an answer."""

import numpy as np
import tensorflow as tf

from echo_rnn.core.cells import CellWeights, Gru, Lstm, Rnn
from echo_rnn.core.unroll import window

CELLS = {
    "lstm": lambda units: Lstm(units, forget_bias=1.0),
    "gru_after": lambda units: Gru(units, reset_after=True),
    "gru_before": lambda units: Gru(units, reset_after=False),
    "rnn": Rnn,
}
MODES = ("none", "graph", "xla")


def compiled(function, mode):
    """`function` as the trainer's `compile` setting would run it."""
    return function if mode == "none" else tf.function(function, jit_compile=mode == "xla", autograph=False)


def tensors(tree, dtype):
    return tf.nest.map_structure(lambda array: tf.convert_to_tensor(array, dtype), tree)


def stack(problem, dtype):
    """Cells, `(weights, x, state)`, the gradients that come down from the loss, and masks."""
    cells = tuple(CELLS[problem.cell](layer.recurrent.shape[0]) for layer in problem.weights)
    weights = tuple(CellWeights(*tensors(tuple(layer), dtype)) for layer in problem.weights)
    x_TBI, state, d_h, d_state, masks = tensors(
        (problem.x, tuple(problem.state), problem.d_h, tuple(problem.d_state), problem.masks), dtype
    )
    return cells, (weights, x_TBI, state), (d_h, d_state), masks


def run(unroll, problem, mode, dtype=tf.float64):
    """Outputs, final state and the gradients `(weights, x, state)` of `Σ h·d_h + Σ state·d_state`."""
    cells, inputs, (d_h, d_state), masks = stack(problem, dtype)
    lengths_B = None if problem.lengths is None else tf.convert_to_tensor(problem.lengths)

    def outputs_and_gradients(weights, x_TBI, state):
        with tf.GradientTape() as tape:
            tape.watch((weights, x_TBI, state))
            h_TBS, after = unroll(cells, weights, window(x_TBI, lengths_B, masks), state)
            products = tf.nest.map_structure(lambda part, d: tf.reduce_sum(part * d), (h_TBS, after), (d_h, d_state))
            loss = tf.add_n(tf.nest.flatten(products))
        return h_TBS, after, tape.gradient(loss, (weights, x_TBI, state), unconnected_gradients="zero")

    return compiled(outputs_and_gradients, mode)(*inputs)


def assert_same(ours, answer, tolerance):
    """Every tensor of `ours` equals that of `answer`, relative to the largest value in it."""
    h, state, gradients = answer
    expected = (h, tuple(state), (tuple(gradients.weights), gradients.x, tuple(gradients.state)))
    for path, tensor, array in zip(names(expected), tf.nest.flatten(ours), tf.nest.flatten(expected), strict=True):
        scale = max(np.abs(array).max(), 1e-3)
        np.testing.assert_allclose(tensor, array, rtol=tolerance, atol=tolerance * scale, err_msg=path)


def names(expected):
    """A name for each tensor: where in outputs, state and gradients it stands."""
    _, state, (weights, _, _) = expected
    layers = range(len(state))
    of_state = [f"state of layer {layer}" for layer in layers for _ in state[layer]]
    of_weights = [f"gradient of {name} of layer {layer}" for layer in layers for name in weights[layer]._fields]
    return ["outputs", *of_state, *of_weights, "gradient of x", *(f"gradient of the {name}" for name in of_state)]
