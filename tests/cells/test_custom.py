import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.cells.custom import build_custom
from echo_rnn.config import network
from echo_rnn.errors import UserError
from echo_rnn.model import Model, build, flat
from echo_rnn.unroll import window
from echo_rnn.unroll.checkpointed import Checkpointed
from echo_rnn.unroll.dynamic import dynamic
from echo_rnn.unroll.dynamic_rnn import dynamic_rnn
from echo_rnn.unroll.partial import Partial
from echo_rnn.unroll.static import static
from tests.unroll.equality import MODES, assert_same, compiled, run
from tests.unroll.problems import SHAPES, problem

SIMPLE = network.Simple(name="dynamic")
MINIMAL = "tests.cells.minimal_gated:MinimalGatedCell"


def section(path=MINIMAL, **options):
    dropout = network.Dropout(between=0.0, output=0.0, variational=False)
    return network.Custom(
        cell="custom", path=path, options=options, layers=2, units=[3], precision="float32", dropout=dropout
    )


def gradients(unroll, mode, path=MINIMAL):
    """Outputs, final state and gradients of two layers, with rows of different lengths."""
    cells = tuple(build_custom(path, {}, units) for units in (3, 2))
    model = Model(cells, unroll, 1, 2)
    weights = model.initial_weights(np.random.SeedSequence(0)).layers
    x_TBI = tf.constant(np.random.default_rng(0).normal(size=(5, 3, 1)), tf.float32)

    def function(weights, x_TBI):
        with tf.GradientTape() as tape:
            tape.watch((weights, x_TBI))
            h_TBS, state = unroll(cells, weights, window(x_TBI, tf.constant([5, 2, 0])), model.zero_state(3))
            loss = tf.reduce_sum(h_TBS**2) + sum(tf.reduce_sum(part) for part in tf.nest.flatten(state))
        return h_TBS, state, tape.gradient(loss, (weights, x_TBI))

    return tf.nest.flatten(compiled(function, mode)(weights, x_TBI))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strategy", [dynamic, Partial(2), Checkpointed(), dynamic_rnn])
def test_own_cell_runs_the_same_under_every_strategy_that_takes_it(strategy, mode):
    for ours, expected in zip(gradients(strategy, mode), gradients(static, "none"), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)  # float32


def test_own_cell_needs_no_weights():
    h_TBS, *_ = gradients(dynamic, "graph", "tests.cells.minimal_gated:LeakyCell")
    np.testing.assert_array_equal(h_TBS[2:, 1], 0)


def test_kerass_own_cell_is_our_lstm():
    case = problem("lstm", SHAPES["stack"], ragged=True)
    own = tuple(build_custom("keras.layers:LSTMCell", {"dtype": "float64"}, units) for units in SHAPES["stack"].sizes)

    def as_custom(cells, weights, window, state):
        return dynamic(own, [tuple(layer) for layer in weights], window, state)

    assert_same(run(as_custom, case, "graph"), case.answer, tolerance=1e-10)


@pytest.mark.parametrize("path", [MINIMAL, "keras.layers:LSTMCell"])
def test_same_seed_gives_the_same_weights_and_another_others(path):
    first, again, other = (
        build(section(path), SIMPLE, 1, 2).initial_weights(np.random.SeedSequence(n)) for n in (1, 1, 2)
    )
    assert [np.array_equal(a, b) for a, b in zip(flat(first), flat(again), strict=True)] == [True] * len(flat(first))
    assert not np.array_equal(first.layers[0][0], other.layers[0][0])
    assert not np.array_equal(first.layers[1][0], first.layers[1][1])


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("no.such.module:Cell", {}, "model.path: expected the import path of a cell, got 'no.such.module:Cell'"),
        ("keras.layers:NoCell", {}, "model.path: expected the import path of a cell, got 'keras.layers:NoCell'"),
        ("keras.layers:Dense", {}, "got keras.layers:Dense without state_size, output_size"),
        (MINIMAL, {"colour": 1}, "model.options: expected arguments that .* takes, got {'colour': 1}"),
    ],
)
def test_what_is_no_cell_is_refused(path, options, message):
    with pytest.raises(UserError, match=message):
        build(section(path, **options), SIMPLE, 1, 2)


@pytest.mark.parametrize("name", ["wavefront", "deferred", "wavefront_deferred", "block"])
def test_strategies_that_know_the_arithmetic_are_refused(name):
    with pytest.raises(UserError, match=f"model.cell = custom.* static, dynamic, partial, .*, got '{name}'"):
        build(section(), network.Simple(name=name), 1, 2)
