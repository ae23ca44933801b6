"""Keras's own layers compute the same function from the same weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.static import static
from tests.core.unroll.equality import CELLS, assert_same, run
from tests.core.unroll.problems import SHAPES, problem
from tests.oracle import Gradients, Weights

LAYERS = {
    "lstm": keras.layers.LSTM,
    "gru_after": lambda *args, **options: keras.layers.GRU(*args, reset_after=True, **options),
    "gru_before": lambda *args, **options: keras.layers.GRU(*args, reset_after=False, **options),
    "rnn": keras.layers.SimpleRNN,
}


def keras_answer(case):
    """Outputs, final state and gradients of a stack of Keras's layers, in the oracle's form."""
    options = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    layers = [LAYERS[case.cell](weights.recurrent.shape[0], **options) for weights in case.weights]
    x_BTI = tf.constant(case.x.transpose(1, 0, 2))
    state = [tuple(map(tf.constant, layer)) for layer in case.state]
    shape = x_BTI.shape
    for layer, weights in zip(layers, case.weights, strict=True):
        layer.build(shape)
        layer.set_weights(weights)
        shape = (*shape[:2], layer.units)
    variables = [[variable.value for variable in layer.trainable_variables] for layer in layers]
    with tf.GradientTape() as tape:
        tape.watch((x_BTI, state))
        h_BTS, after = x_BTI, []
        for layer, before in zip(layers, state, strict=True):
            h_BTS, *layer_state = layer(h_BTS, initial_state=list(before))
            after.append(tuple(layer_state))
        loss = tf.reduce_sum(h_BTS * case.d_h.transpose(1, 0, 2)) + sum(
            tf.reduce_sum(part * d_part)
            for part, d_part in zip(tf.nest.flatten(after), tf.nest.flatten(case.d_state), strict=True)
        )
    d_variables, d_x_BTI, d_state = tape.gradient(loss, (variables, x_BTI, state))
    gradients = Gradients([Weights(*map(np.array, layer)) for layer in d_variables], transposed(d_x_BTI), d_state)
    return transposed(h_BTS), after, gradients


def transposed(tensor):
    return np.asarray(tensor).transpose(1, 0, 2)


@pytest.mark.parametrize("strategy", [static, dynamic])
@pytest.mark.parametrize("shape", ["stack", "one_step"])
@pytest.mark.parametrize("cell", CELLS)
def test_strategy_equals_keras_layers(cell, shape, strategy):
    case = problem(cell, SHAPES[shape])
    assert_same(run(strategy, case, "graph"), keras_answer(case), tolerance=1e-10)
