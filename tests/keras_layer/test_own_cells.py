"""A cell that a person wrote does in `Unrolled` what it does in `keras.layers.RNN`."""

import keras
import numpy as np
import pytest
from keras import ops

from echo_rnn.keras_layer import Unrolled
from tests.refusals import refused

X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
LOOPS = ["dynamic", "partial2", "dynamic_rnn"]
WHOLE = ["static", *LOOPS, "checkpointed", "static_rnn"]


class Minimal(keras.layers.Layer):
    """As in Keras's documentation: without `output_size`."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")

    def call(self, inputs, states):
        h = inputs @ self.kernel + states[0] @ self.recurrent
        return h, [h]


class WithoutBuild(keras.layers.Layer):
    """Its weights are those of a layer within, which is built when it is called; it begins at ones."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.state_size = units
        self.dense = keras.layers.Dense(units, activation="tanh")

    def get_initial_state(self, batch_size=None):
        return ops.ones((batch_size, self.state_size))

    def call(self, inputs, states):
        h = self.dense(ops.concatenate([inputs, states[0]], axis=-1))
        return h, [h]


class Counting(Minimal):
    """It counts its steps in training."""

    def build(self, shape):
        super().build(shape)
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, inputs, states, training=False):
        if training:
            self.count.assign(self.count + 1)
        return super().call(inputs, states)


class Dropping(Minimal):
    """It drops with another mask at each step."""

    def __init__(self, units, **options):
        super().__init__(units, **options)
        self.dropout = keras.layers.Dropout(0.5, seed=1)

    def call(self, inputs, states, training=False):
        return super().call(self.dropout(inputs, training=training), states)


class Penalised(Minimal):
    def call(self, inputs, states):
        h, after = super().call(inputs, states)
        self.add_loss(ops.sum(ops.square(h)))
        return h, after


def of_both(cell, unroll, **options):
    """A layer of Keras and ours with the same weights, called once."""
    layers = []
    for make in (keras.layers.RNN, lambda each, **rest: Unrolled(each, **{**rest, "unroll": unroll})):
        keras.utils.set_random_seed(7)
        layers.append(make(cell(4), unroll=True, **options))
        layers[-1](X)
    return layers


@pytest.mark.parametrize("unroll", WHOLE)
@pytest.mark.parametrize("cell", [Minimal, WithoutBuild])
def test_a_cell_computes_what_it_computes_in_keras(cell, unroll):
    theirs, ours = of_both(cell, unroll, return_state=True, return_sequences=True)
    for one, other in zip(ours(X), theirs(X), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert len(ours.trainable_variables) == len(theirs.trainable_variables) > 0


def trained(layer, jit):
    model = keras.Sequential([keras.Input(X.shape[1:]), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=jit)
    return model, model.fit(X, np.ones((3, 1), np.float32), epochs=2, verbose=0).history["loss"]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("unroll", ["static", "dynamic", "dynamic_rnn"])
def test_a_cell_that_updates_a_variable_at_each_step_updates_it(unroll, jit):
    layer = Unrolled(Counting(4), unroll=unroll)
    trained(layer, jit)
    assert layer.cell.count == 2 * X.shape[1]
    layer(X)
    assert layer.cell.count == 2 * X.shape[1]  # and not outside of training


@pytest.mark.parametrize("unroll", ["static", "dynamic"])
def test_a_cell_with_dropout_draws_at_each_step(unroll):
    theirs, ours = of_both(Dropping, unroll, return_sequences=True)
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-6)
    np.testing.assert_allclose(ours(X, training=True), theirs(X, training=True), atol=1e-6)
    drawn = [trained(Unrolled(Dropping(4), unroll=unroll), jit=False)[1] for _ in range(2)]
    assert np.isfinite(drawn).all()


def test_losses_of_a_cell_count_where_they_can_leave_the_loop():
    theirs, ours = of_both(Penalised, "static")
    theirs(X), ours(X)
    assert len(ours.losses) == len(theirs.losses) == X.shape[1]
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-5)
    _, losses = trained(ours, jit=False)
    _, without = trained(Unrolled(Minimal(4)), jit=False)
    assert losses[0] > without[0]


@pytest.mark.parametrize("unroll", LOOPS)
def test_losses_of_a_cell_are_refused_in_a_loop_of_the_graph(unroll):
    with pytest.raises(ValueError, match="unroll: expected static for Penalised"):
        trained(Unrolled(Penalised(4), unroll=unroll), jit=False)


@pytest.mark.parametrize("cell", [Counting, Dropping, Penalised])
def test_a_strategy_that_runs_steps_again_refuses_what_must_be_done_once(cell):
    with pytest.raises(ValueError, match=f"unroll: expected for {cell.__name__}"):
        Unrolled(cell(4), unroll="checkpointed")(X, training=True)


@pytest.mark.parametrize("unroll", ["deferred", "wavefront", "wavefront_deferred", "block", "keras"])
def test_a_strategy_that_must_know_the_arithmetic_names_those_that_need_not(unroll):
    with refused("strategy.refused", "unroll", "Minimal", *(each.rstrip("2") for each in WHOLE)):
        Unrolled(Minimal(4), unroll=unroll)
