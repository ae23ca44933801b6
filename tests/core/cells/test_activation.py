"""Cells with other activations, under every strategy, against automatic differentiation of Keras's own layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.cells.activation import ACTIVATIONS
from echo_rnn.core.strategies import labels
from echo_rnn.keras_layer import Unrolled
from tests.refusals import refused

X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
Z = np.linspace(-7.3, 7.2, 57)  # no kink is hit
MIXED = ["wavefront", "deferred", "wavefront_deferred", "keras", "dynamic"]
CELLS = {
    "lstm": (keras.layers.LSTM, {}),
    "gru_after": (keras.layers.GRU, {}),
    "gru_before": (keras.layers.GRU, {"reset_after": False}),
    "rnn": (keras.layers.SimpleRNN, {}),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_and_its_derivative_are_those_of_keras(name):
    z = tf.constant(Z, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = keras.activations.get(name)(z)
    np.testing.assert_allclose(ACTIVATIONS[name](z), y, rtol=1e-6)
    np.testing.assert_allclose(
        ACTIVATIONS[name].gradient(tf.ones_like(y), y), tape.gradient(y, z), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_units_that_pad_a_layer_stay_finite(name):
    assert abs(float(ACTIVATIONS[name](tf.constant(0.0)))) < 1


def numbers(layers):
    with tf.GradientTape() as tape:
        h = tf.constant(X)
        for layer in layers:
            h = layer(h)
    variables = [variable.value for layer in layers for variable in layer.trainable_variables]
    return [h, *tape.gradient(h, variables)]


@pytest.mark.parametrize("unroll", MIXED)
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("names", [("relu", "hard_sigmoid"), ("softsign", "tanh"), ("linear", "sigmoid")])
def test_a_stack_with_other_activations_is_that_of_keras(names, kind, unroll):
    layer, options = CELLS[kind]
    options = {**options, "activation": names[0]}
    if kind != "rnn":
        options["recurrent_activation"] = names[1]
    theirs = [layer(units, return_sequences=True, **options) for units in (4, 3)]
    expected = numbers(theirs)
    ours = Unrolled([4, 3], kind.partition("_")[0], unroll=unroll, return_sequences=True, **options)
    for one, other in zip(numbers([ours.copy_from(theirs)]), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("unroll", ["wavefront_deferred", "deferred"])
def test_other_activations_train_under_xla(unroll):
    losses = []
    for layer in (keras.layers.LSTM(4, activation="relu"), Unrolled(4, unroll=unroll, activation="relu")):
        keras.utils.set_random_seed(7)
        model = keras.Sequential([keras.Input(X.shape[1:]), layer, keras.layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=True)
        model.set_weights([np.full(weight.shape, 0.1) for weight in model.weights])
        losses.append(model.fit(X, np.ones((3, 1), np.float32), epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_what_has_no_such_derivative_runs_under_the_strategies_that_run_whole_steps():
    for unroll in labels():
        if unroll in ("static", "dynamic", "partial5", "checkpointed", "dynamic_rnn", "static_rnn"):
            Unrolled(4, unroll=unroll, activation="gelu")
        else:
            with refused("strategy.refused", "gelu", "dynamic"):
                Unrolled(4, unroll=unroll, activation="gelu")
    with refused("strategy.refused", "relu", "deferred"):
        Unrolled(4, unroll="block", activation="relu")
    first, second = (keras.layers.LSTMCell(4, activation=name) for name in ("relu", "tanh"))
    with refused("strategy.refused", "several kinds"):
        Unrolled([first, second], unroll="wavefront")
    Unrolled([first, second], unroll="deferred")
