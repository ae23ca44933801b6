"""Each argument of Keras's recurrent layers does what it does there, or is refused with its name."""

import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.keras_layer import Unrolled
from tests.refusals import refused

ROOT = Path(__file__).parents[2]
LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
Y = np.ones((3, 1), np.float32)
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
# An option and, where it is not the LSTM's, the kind.
OPTIONS = [
    ("lstm", {"activation": "relu", "recurrent_activation": "hard_sigmoid"}),
    ("lstm", {"activation": None, "recurrent_activation": "softsign"}),
    ("gru", {"activation": "gelu"}),
    ("lstm", {"use_bias": False, "implementation": 1}),
    ("lstm", {"unit_forget_bias": False, "bias_initializer": "ones"}),
    ("lstm", {"kernel_initializer": "he_normal", "recurrent_initializer": keras.initializers.Identity(0.5)}),
    ("gru", {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2"}),
    ("lstm", {"activity_regularizer": "l2"}),
    ("lstm", {"kernel_constraint": "unit_norm", "recurrent_constraint": "max_norm", "bias_constraint": "non_neg"}),
    ("lstm", {"dropout": 0.5, "seed": 3}),
    ("gru", {"dropout": 0.5, "seed": 3, "reset_after": False}),
    ("lstm", {"recurrent_dropout": 0.5, "dropout": 0.2, "seed": 3}),
    ("gru", {"recurrent_dropout": 0.5, "seed": 3}),
    ("rnn", {"recurrent_dropout": 0.5, "seed": 3}),
    ("lstm", {"dropout": 0.5, "seed": 3, "implementation": 1, "use_cudnn": False}),
    ("gru", {"go_backwards": True, "zero_output_for_mask": True}),
    ("gru", {"trainable": False}),
    ("rnn", {"dtype": "float64", "unroll": True}),
    ("lstm", {"use_cudnn": False, "unroll": False, "name": "mine"}),
]


def trained(make):
    """A layer of a seeded model after two batches, and what it has come to."""
    keras.utils.set_random_seed(7)
    layer = make()
    model = keras.Sequential([keras.Input(X.shape[1:]), layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    losses = model.fit(np.tile(X, (2, 1, 1)), np.tile(Y, (2, 1)), batch_size=3, verbose=0).history["loss"]
    return layer, [*losses, model(X), layer(X, mask=MASK), *layer.weights, *layer.losses]


@pytest.mark.parametrize(("kind", "options"), OPTIONS, ids="-".join)
def test_an_option_trains_to_the_numbers_that_keras_has(kind, options):
    theirs, expected = trained(lambda: LAYERS[kind](4, **options))
    ours, got = trained(lambda: Unrolled(4, kind, **{"unroll": "dynamic", **options}))
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert len(ours.trainable_variables) == len(theirs.trainable_variables)
    assert len(ours.non_trainable_variables) == len(theirs.non_trainable_variables)
    for name in set(options) - {"unroll", "dtype", "seed", "implementation", "activity_regularizer"}:
        ours_has, theirs_has = getattr(ours, name), getattr(theirs, name)
        assert ours_has == theirs_has or type(ours_has) is type(theirs_has), name


def rows(heading):
    """The first, second and last cells of the table below a heading of the page."""
    page = (ROOT / "docs/unrolled.md").read_text(encoding="utf-8")
    table = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    for line in re.findall(r"^\| (`.+) \|$", table, flags=re.MULTILINE):
        names, *_, test = line.split(" | ")
        yield re.findall(r"`(\w+)`", names), test


def test_the_page_has_every_argument_and_method_that_the_installed_keras_has():
    kinds = (*LAYERS.values(), keras.layers.RNN, keras.layers.Layer)
    arguments = {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}
    arguments |= set(inspect.signature(keras.layers.RNN.call).parameters) | {"implementation", "input_shape"}
    of_page = {name for names, _ in rows("Arguments") for name in names}
    assert arguments - {"self", "kwargs", "args"} <= of_page
    methods = {name for kind in kinds[:4] for name in vars(kind) if not name.startswith("_")}
    assert methods <= {name for names, _ in rows("Attributes and methods") for name in names}


@pytest.mark.parametrize("heading", ["Arguments", "Attributes and methods"])
def test_the_page_names_tests_that_exist(heading):
    source = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    named = [test for _, cell in rows(heading) for test in re.findall(r"`(\w+)`", cell)]
    assert named
    assert [test for test in named if f"def {test}(" not in source] == []


@pytest.mark.parametrize(
    ("options", "name"), [({"colour": 1}, "colour"), ({"cell": "rnn", "unit_forget_bias": True}, "unit_forget_bias")]
)
def test_an_argument_that_keras_does_not_know_is_named(options, name):
    with pytest.raises(ValueError, match=name):
        Unrolled(4, **options)


@pytest.mark.parametrize(
    ("options", "code"),
    [({"use_cudnn": "yes"}, "layer.cudnn"), ({"autocast": True}, "layer.autocast"), ({"units": 4}, "layer.no_cells")],
)
def test_an_argument_that_is_refused_is_named(options, code):
    with refused(code):
        Unrolled(4, **options)


def test_cudnn_is_refused_where_it_would_run():
    with pytest.raises(ValueError, match="use_cudnn"):
        Unrolled(4, use_cudnn=True)(X)


def test_input_shape_and_batch_sizes_of_old_models():
    with pytest.warns(UserWarning, match="input_shape"):
        model = keras.Sequential([Unrolled(4, input_shape=(5, 2)), keras.layers.Dense(1)])
    assert model.output_shape == (None, 1)


def test_layers_of_a_stack_that_share_an_initializer_or_a_seed_begin_differently():
    for initializer in (keras.initializers.GlorotUniform(), keras.initializers.GlorotUniform(seed=1)):
        stack = Unrolled([4, 4], kernel_initializer=initializer, recurrent_initializer=initializer)
        stack.build((None, 5, 4))
        assert not np.array_equal(stack.cells[0].kernel, stack.cells[1].kernel)
    first, second = Unrolled([4, 4], dropout=0.5, seed=1).cells
    assert first.seed == 1
    assert second.seed not in (1, None)


def test_a_strategy_that_is_set_later_counts():
    layer = Unrolled(4)
    layer.unroll = True
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec(X.shape)).graph
    assert layer.get_config()["unroll"] == layer.unroll == "static"
    assert not any("While" in operation.type for operation in graph.get_operations())
    with refused("strategy.unknown"):
        layer.unroll = "wave"
    layer.cell.dropout = 0.5  # and so does what is set on the cell
    assert np.abs(layer(X, training=True) - layer(X)).max() > 1e-3


def test_units_may_be_named_and_numpy_integers():
    for layer in (Unrolled(units=np.int64(4)), Unrolled([np.int32(4)]), Unrolled(cell=keras.layers.LSTMCell(4))):
        assert layer(X).shape == (3, 4)
        assert (layer.units, layer.state_size, layer.unroll) == (4, [4, 4], "dynamic")


def test_a_configuration_of_keras_layers_makes_the_layer():
    config = {**keras.layers.GRU(4, dropout=0.1).get_config(), "implementation": 1}
    config.pop("reset_after")
    layer = Unrolled.from_config({**config, "cell": "gru"})
    assert (layer.units, layer.dropout, layer.cell.implementation) == (4, 0.1, 1)
    with_old_key = {**layer.get_config(), "implementation": 0}
    assert Unrolled.from_config(with_old_key).get_config() == layer.get_config()


@pytest.mark.parametrize("shape", [(3, 2), (3, 5, 2, 1)])
def test_inputs_of_another_rank_get_the_sentence_of_keras(shape):
    with pytest.raises(ValueError, match="expected ndim=3"):
        Unrolled(4)(np.zeros(shape, np.float32))


def test_attributes_of_a_stack_are_those_of_its_cells():
    layer = Unrolled([4, 3])
    assert not hasattr(layer, "units")
    assert [cell.units for cell in layer.cells] == [4, 3]
    state = layer.get_initial_state(2)
    assert [[part.shape[1] for part in each] for each in state] == [[4, 4], [3, 3]]


def test_stateful_names_both_batch_sizes():
    layer = Unrolled([4, 3], stateful=True)
    layer(X)
    with pytest.raises(ValueError, match="batch size of the carried state, 3, got inputs with 2"):
        layer(X[:2])
    assert np.abs(layer.states[1][0]).max() > 0
    layer.reset_states()
    assert np.abs(layer.states[1][0]).max() == 0


@pytest.mark.parametrize("unroll", ["static", "dynamic", "partial5", "wavefront_deferred", "block", "keras"])
def test_a_dataset_that_forgets_the_number_of_steps_trains(unroll):
    data = keras.utils.timeseries_dataset_from_array(np.zeros((12, 2), np.float32), np.zeros(12), 5, batch_size=4)
    assert data.element_spec[0].shape[1] is None
    model = keras.Sequential([keras.Input((5, 2)), Unrolled(3, unroll=unroll), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    assert np.isfinite(model.fit(data, verbose=0).history["loss"]).all()


def with_mask(layer, mask, mode, shape):
    if mode == "eager":
        return layer(X, mask=mask)
    specs = [tf.TensorSpec(shape(X.shape)), tf.TensorSpec(shape(mask.shape), tf.bool)]
    call = tf.function(lambda x, mask: layer(x, mask=mask), input_signature=specs, jit_compile=mode == "xla")
    return call(X, mask)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_a_mask_has_the_shape_of_the_input_or_is_refused(mode):
    layer = Unrolled(4, "gru", unroll="deferred", return_sequences=True)
    expected = layer(X, mask=MASK)

    def unknown(shape):
        return (None, None, *shape[2:])

    np.testing.assert_allclose(with_mask(layer, MASK[:, :, None], mode, unknown), expected, atol=1e-6)
    for wrong in (MASK[:, :4], np.tile(MASK, (1, 2)), MASK.T, MASK[:1], np.tile(MASK[:, :, None], (1, 1, 2))):
        with pytest.raises((ValueError, tf.errors.OpError)):
            with_mask(layer, wrong, mode, unknown)


def test_every_strategy_has_the_numbers_without_the_loop_of_keras(monkeypatch):
    monkeypatch.setattr(keras.layers.RNN, "inner_loop", None)
    expected = Unrolled(4, unroll="static")
    np.testing.assert_allclose(Unrolled(4).copy_from(_built(expected))(X), expected(X), atol=1e-6)


def _built(layer):
    layer(X)
    return layer
