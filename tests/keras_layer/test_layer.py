"""`Unrolled` stands where Keras's own recurrent layers stand: the same numbers, the same training, the same saving."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.errors import UserError
from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.keras_layer import Unrolled
from tests.core.cells.minimal_gated import MinimalGatedCell

pytestmark = pytest.mark.xdist_group("layer")  # in one process, for what is cached

STRATEGIES = labels()
LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
ROWS, STEPS, FEATURES, SIZES = 6, 7, 3, (5, 4)
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}  # float32: sums of some ten products of values up to 1

RIGHT = np.arange(STEPS) < np.array([[7], [4], [1], [0], [5], [7]])
LEFT = RIGHT[:, ::-1]
HOLES = np.random.default_rng(1).random((ROWS, STEPS)) < 0.6


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(3)


def refused(code, *parts):
    """Expects one refusal with this code and these parts of its sentence, the first at its beginning."""
    return pytest.raises(UserError, check=lambda error: error.code == code and is_about(str(error), *parts))


def is_about(sentence, key, *values):
    return sentence.startswith(f"{key}: expected ") and all(value in sentence for value in values)


def series(rows=ROWS):
    return np.random.default_rng(0).normal(size=(rows, STEPS, FEATURES)).astype(np.float32)


def theirs(kind="lstm", sizes=SIZES, **options):
    """A stack of Keras's layers, built; `options` are those of the last."""
    layers = [LAYERS[kind](units, return_sequences=True) for units in sizes[:-1]]
    layers.append(LAYERS[kind](sizes[-1], **options))
    keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])
    return layers


def through(layers, x, mask=None):
    for layer in layers:
        x = layer(x, mask=mask)
    return x


def gradients(function, variables):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(function() ** 2)
    return [np.asarray(gradient) for gradient in tape.gradient(loss, [variable.value for variable in variables])]


def assert_close(ours, expected):
    for a, b in zip(keras.tree.flatten(ours), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, **TOLERANCE)


def kinds():
    """Every strategy with one kind, and every kind; each strategy meets each cell in tests/core."""
    for s, strategy in enumerate(STRATEGIES):
        kind = "lstm" if strategy == "block" else list(LAYERS)[s % len(LAYERS)]
        yield pytest.param(strategy, kind, id=f"{strategy}-{kind}")


@pytest.mark.parametrize(("strategy", "kind"), [*kinds()])
def test_outputs_and_gradients_are_those_of_a_stack_of_keras_layers(strategy, kind):
    layers = theirs(kind, return_sequences=True)
    ours = Unrolled(SIZES, kind, unroll=strategy, return_sequences=True).copy_from(layers)
    x = tf.constant(series())
    assert_close(ours(x), through(layers, x))
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    expected = gradients(lambda: through(layers, x), variables)
    assert_close(gradients(lambda: ours(x), ours.trainable_variables), expected)


@pytest.mark.parametrize("mask", [RIGHT, LEFT, HOLES], ids=["right", "left", "holes"])
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"return_sequences": True, "go_backwards": True}])
def test_any_mask_hides_what_it_hides_from_keras_layers(options, mask):
    layers = theirs("gru", SIZES[:1], return_state=True, **options)
    ours = Unrolled(SIZES[:1], "gru", unroll="deferred", return_state=True, **options).copy_from(layers)
    assert_close(ours(series(), mask=mask), layers[0](series(), mask=mask))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_mask_comes_from_the_layer_before(strategy):
    words = np.where(LEFT, 1 + np.arange(ROWS * STEPS).reshape(ROWS, STEPS) % 4, 0)
    embedding = keras.layers.Embedding(5, FEATURES, mask_zero=True)
    layers = theirs(return_sequences=True)
    ours = Unrolled(SIZES, unroll=strategy, return_sequences=True).copy_from(layers)
    pool = keras.layers.GlobalAveragePooling1D()  # takes the mask from the layer before it
    assert_close(*[keras.Sequential([embedding, *stack, pool])(words) for stack in ([ours], layers)])


def test_mask_counts_where_an_initial_state_is_given_too():
    # Keras's own layers forget the mask of their input in this case.
    layer = Unrolled(4, "rnn", unroll="deferred")
    state = np.ones((ROWS, 4), np.float32)
    masked = keras.layers.Masking()(series() * RIGHT[:, :, None])
    expected = layer(series(), initial_state=state, mask=RIGHT)
    assert_close(layer(masked, initial_state=state), expected)


def test_outputs_at_hidden_steps_are_zero_where_asked():
    layer = Unrolled(4, return_sequences=True, zero_output_for_mask=True)
    np.testing.assert_array_equal(np.asarray(layer(series(), mask=HOLES))[~HOLES], 0)


def test_states_are_arranged_as_keras_arranges_them():
    cells = [[keras.layers.LSTMCell(units) for units in SIZES] for _ in range(2)]
    rnn = keras.layers.RNN(cells[0], return_state=True)
    rnn.build((None, STEPS, FEATURES))
    ours = Unrolled(cells[1], unroll="wavefront", return_state=True).copy_from(rnn)
    state = [[np.full((ROWS, units), value, np.float32) for value in (0.1, 0.2)] for units in SIZES]
    expected = rnn(series(), initial_state=state)
    returned = ours(series(), initial_state=state)
    keras.tree.assert_same_structure(list(returned), list(expected))
    assert_close(returned, expected)


@pytest.mark.parametrize("kind", LAYERS)
def test_symbolic_states_of_a_single_layer_are_those_of_keras(kind):
    inputs = keras.Input((STEPS, FEATURES))
    models = []
    for layer in (LAYERS[kind](4, return_state=True), Unrolled(4, kind, return_state=True)):
        h, *state = layer(inputs)
        assert [part.shape for part in (h, *state)] == [(None, 4)] * (1 + len(state))
        again = type(layer)(4, **({"cell": kind} if isinstance(layer, Unrolled) else {}))(inputs, initial_state=state)
        models.append(keras.Model(inputs, [h, *state, again]))
    models[1].set_weights(models[0].get_weights())
    assert_close(models[1](series()), models[0](series()))


@pytest.mark.parametrize("strategy", ["dynamic", "static", "wavefront_deferred", "block"])
def test_stateful_carries_the_state_from_batch_to_batch_until_it_is_reset(strategy):
    layer = Unrolled(SIZES, unroll=strategy, stateful=True, return_sequences=True)
    model = keras.Sequential([keras.Input(batch_shape=(ROWS, STEPS, FEATURES)), layer])
    whole = Unrolled(SIZES, return_sequences=True).copy_from(layer)(np.concatenate([series()] * 2, axis=1))
    first, second = (model.predict(series(), batch_size=ROWS, verbose=0) for _ in range(2))
    assert_close(np.concatenate([first, second], axis=1), whole)
    layer.reset_state()
    assert_close(model.predict(series(), batch_size=ROWS, verbose=0), first)


def classifier(layers, **options):
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers, keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, **options)
    return model


def fitted(model, rows=12):
    """The losses of two epochs of batches of 6 rows."""
    y = np.random.default_rng(2).integers(0, 2, rows)
    return model.fit(series(rows), y, batch_size=6, epochs=2, shuffle=False, verbose=0).history["loss"]


@functools.cache
def their_fit(jit, rows):
    """The first weights of a model of Keras's layers, its losses and its last weights."""
    model = classifier(theirs(), jit_compile=jit)
    return model.get_weights(), fitted(model, rows), model.get_weights()


def compilations():
    """Every strategy, one of each kind under XLA, where all meet the oracle in tests/core; `dynamic` in both."""
    under_xla = ("static", "dynamic", "deferred", "wavefront", "keras")
    for strategy, jit in [*((name, name in under_xla) for name in STRATEGIES), ("dynamic", False)]:
        slow = strategy in ("static", "static_rnn", "keras_unrolled") or (jit and strategy != "wavefront")
        yield pytest.param(strategy, jit, id=f"{strategy}-{jit}", marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(("strategy", "jit"), [*compilations()])
def test_fit_gives_the_losses_of_keras_layers(strategy, jit):
    # A last batch that is smaller makes Keras trace again, and XLA compile again. How does not depend on the strategy,
    # and each meets an unknown number of rows in tests/core: one that counts waves has it here.
    rows = 14 if strategy == "wavefront" else 12
    first, losses, last = their_fit(jit, rows)
    model = classifier([Unrolled(SIZES, unroll=strategy)], jit_compile=jit)
    model.set_weights(first)
    np.testing.assert_allclose(fitted(model, rows), losses, rtol=1e-5)  # float32
    # Adam divides by the size of a gradient: where it is almost 0, its rounding counts, in each of the updates.
    for ours, expected in zip(model.get_weights(), last, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_fit_uses_no_xla_for_the_block_kernel():
    assert classifier([Unrolled(4, unroll="wavefront")], jit_compile=True).jit_compile
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        assert not classifier([Unrolled(4, unroll="block")], jit_compile=True).jit_compile


@pytest.mark.parametrize("strategy", ["wavefront", "deferred", "block"])
def test_batches_may_differ_in_length(strategy):
    def batches():
        for steps in (5, 7):
            yield series()[:, :steps], np.zeros(ROWS, np.int64)

    shapes = (tf.TensorSpec((None, None, FEATURES)), tf.TensorSpec((None,), tf.int64))
    data = tf.data.Dataset.from_generator(batches, output_signature=shapes)
    model = classifier([Unrolled(SIZES, unroll=strategy)])
    history = model.fit(data.repeat(), steps_per_epoch=2, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_unknown_length_is_refused_where_steps_are_written_out():
    @tf.function(input_signature=[tf.TensorSpec((None, None, FEATURES))])
    def call(x):
        return Unrolled(4, unroll="partial3", name="mine")(x)

    # Keras and TensorFlow raise it again with a longer message, and so without its code.
    with pytest.raises(UserError, match=rf"mine: expected .*'partial3'.*\(None, None, {FEATURES}\).*unroll='dynamic'"):
        call.get_concrete_function()


def test_a_config_makes_the_same_layer():
    layer = Unrolled(
        SIZES, "rnn", unroll="checkpointed4", return_state=True, stateful=True, dtype="mixed_bfloat16", use_bias=False
    )
    again = Unrolled.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.unroll, again.return_state, again.stateful) == ("checkpointed4", True, True)


def test_weights_copied_to_keras_layers_are_the_same_function():
    layers = theirs()
    ours = Unrolled(SIZES, unroll="wavefront_deferred")
    x = series()
    expected = ours(x)
    arrays = iter(ours.get_weights())
    for layer in layers:
        layer.set_weights([next(arrays) for _ in layer.weights])
    assert_close(through(layers, x), expected)


def test_weights_of_other_shapes_are_refused():
    with refused("layer.weights", "mine", f"({FEATURES}, 20)"):
        Unrolled((5, 5), name="mine").copy_from(theirs())


@pytest.mark.parametrize("strategy", [label for label in STRATEGIES if get_strategy(label).strategy.any_cell])
def test_any_keras_cell_runs_as_in_keras(strategy):
    cells = [[MinimalGatedCell(4), keras.layers.LSTMCell(3, activation="relu")] for _ in range(2)]
    rnn = keras.layers.RNN(cells[0], return_sequences=True)
    rnn.build((None, STEPS, FEATURES))
    ours = Unrolled(cells[1], unroll=strategy, return_sequences=True)
    ours.build((None, STEPS, FEATURES))
    ours.copy_from(rnn)
    assert_close(ours(series()), rnn(series()))
    expected = gradients(lambda: rnn(series()), rnn.trainable_variables)
    assert_close(gradients(lambda: ours(series()), ours.trainable_variables), expected)


def test_layers_of_several_kinds_stack():
    cells = [keras.layers.LSTMCell(4, use_bias=False), keras.layers.GRUCell(3, use_bias=False)]
    rnn = keras.layers.RNN(cells)
    assert_close(Unrolled(cells, unroll="deferred")(series()), rnn(series()))


def test_bidirectional_takes_it():
    models = [
        keras.Sequential([keras.layers.Masking(), keras.layers.Bidirectional(layer)])
        for layer in (
            keras.layers.LSTM(4, return_sequences=True),
            Unrolled(4, unroll="deferred", return_sequences=True),
        )
    ]
    x = series() * RIGHT[:, :, None]
    for model in models:
        model.build((None, STEPS, FEATURES))
    models[1].set_weights(models[0].get_weights())
    assert_close(models[1](x), models[0](x))


def test_dropout_is_on_the_inputs_of_each_layer_in_training_alone():
    layer = Unrolled((50, 50), unroll="wavefront", dropout=0.5)
    x = series()
    assert_close(layer(x), layer(x))
    assert np.abs(np.asarray(layer(x, training=True)) - layer(x, training=True)).max() > 0.01


def test_dropout_is_drawn_anew_at_each_step_of_a_fit():
    model = classifier([Unrolled(SIZES, unroll="wavefront", dropout=0.5)])
    model.optimizer.learning_rate = 0.0  # so that nothing else changes
    first, second = fitted(model)
    assert first != second


def test_a_mask_of_dropout_is_as_keras_draws_it():
    # One mask for all steps: with an input of ones and no recurrence each unit sees the same at every step.
    layer = Unrolled(4, "rnn", return_sequences=True, dropout=0.5, recurrent_initializer="zeros")
    h = np.asarray(layer(np.ones((ROWS, STEPS, FEATURES), np.float32), training=True))
    assert_close(h, np.broadcast_to(h[:, :1], h.shape))
    assert np.unique(h[:, 0, 0].round(5)).size > 1  # and another for every row


@pytest.mark.parametrize("strategy", ["dynamic", "wavefront_deferred", "keras"])
def test_mixed_precision_stays_near_float32(strategy):
    layers = theirs()
    ours = Unrolled(SIZES, unroll=strategy, dtype="mixed_bfloat16").copy_from(layers)
    outputs = ours(series())
    assert outputs.dtype == tf.bfloat16
    assert {weight.dtype for weight in ours.weights} == {"float32"}
    expected = through(layers, series())
    # Two layers round some values each to 8 binary digits, at outputs up to 1.
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=0.02)
    assert np.abs(tf.cast(outputs, tf.float32) - expected).max() > 1e-5


def test_mixed_precision_carries_the_state_in_float32():
    layer = Unrolled(4, unroll="wavefront", stateful=True, dtype="mixed_bfloat16")
    layer(series())
    for state in layer.states:
        assert np.any(tf.cast(tf.cast(state.value, tf.bfloat16), tf.float32) != state.value)


def test_float64_is_float64():
    layer = Unrolled(SIZES, unroll="wavefront", dtype="float64")
    outputs = layer(series())
    other = Unrolled(SIZES, unroll="static", dtype="float64").copy_from(layer)
    np.testing.assert_allclose(outputs, other(series()), rtol=1e-12)


@pytest.mark.parametrize(
    ("layers", "options", "code", "parts"),
    [
        (4, {"unroll": "wave"}, "strategy.unknown", ["unroll", "dynamic", "'wave'"]),
        (4, {"unroll": "partial"}, "strategy.unknown", ["unroll", "partialK", "'partial'"]),
        (4, {"cell": "elman"}, "layer.unknown_cell", ["cell", "lstm, gru, rnn", "'elman'"]),
        ([], {}, "layer.no_cells", ["layers", "[]"]),
        (keras.layers.LSTMCell(4), {"use_bias": False}, "layer.no_cells", ["layers", "LSTMCell", "'use_bias'"]),
        (4, {"cell": "gru", "unroll": "block"}, "strategy.refused", ["unroll", "layers = gru", "deferred", "'block'"]),
        (4, {"dtype": "mixed_bfloat16", "unroll": "block"}, "strategy.refused", ["unroll", "dtype = bfloat16"]),
        (MinimalGatedCell(4), {"unroll": "wavefront"}, "strategy.refused", ["unroll", "dynamic", "MinimalGatedCell"]),
        (
            [keras.layers.GRUCell(4), keras.layers.LSTMCell(4)],
            {"unroll": "wavefront"},
            "strategy.refused",
            ["unroll", "deferred", "'wavefront'", "gru, lstm"],
        ),
        (4, {"recurrent_dropout": 0.5, "unroll": "deferred"}, "strategy.refused", ["unroll", "LSTMCell", "dynamic"]),
        (keras.layers.Dense(4), {}, "cell.no_protocol", ["layers", "Dense", "state_size"]),
    ],
)
def test_what_cannot_be_combined_is_refused(layers, options, code, parts):
    with refused(code, *parts):
        Unrolled(layers, **options)


def test_stateful_needs_a_known_batch_size():
    with refused("layer.unknown_batch_size", "mine", "stateful=True", f"(None, {STEPS}, {FEATURES})"):
        keras.Sequential([keras.Input((STEPS, FEATURES)), Unrolled(4, stateful=True, name="mine")])


def test_an_initial_state_of_another_size_is_refused():
    # Keras raises it again with a longer message, and so without its code.
    with pytest.raises(UserError, match=r"mine: expected an initial_state .*\[4, 4\].*\[3\]"):
        Unrolled(4, name="mine")(series(), initial_state=np.zeros((ROWS, 3), np.float32))
