"""Dropout in training: masks of its own for every step, the same ones whatever unrolls and compiles it."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.static import static
from echo_rnn.core.unroll.wavefront import wavefront
from echo_rnn.training import Learner
from tests.core.unroll.counting import operations
from tests.training.problems import ROWS, WINDOW, learner, network, trained

pytestmark = pytest.mark.xdist_group("dropout")  # in one process, for what is cached

DROPPED = {"between": 0.3, "output": 0.2}


@functools.cache
def losses(unroll=dynamic, mode="graph", **dropout):
    return trained(learner(network(unroll=unroll, **dropout)), compile=mode).losses


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("unroll", [static, wavefront])
def test_strategies_train_alike_with_dropout(unroll, variational):
    dropped = DROPPED | {"variational": variational}
    # Float32 has 7 digits, of which 18 steps of Adagrad with a learning rate of 0.3 leave 4.
    np.testing.assert_allclose(losses(unroll, **dropped), losses(**dropped), rtol=1e-4)


@pytest.mark.parametrize("mode", ["none", pytest.param("xla", marks=pytest.mark.slow)])
def test_compilers_drop_the_same(mode):
    np.testing.assert_allclose(losses(mode=mode, **DROPPED), losses(**DROPPED), rtol=1e-4)


@pytest.mark.parametrize("dropped", [{"between": 0.3}, {"output": 0.3}])
def test_each_kind_of_dropout_changes_the_curve_from_the_first_step(dropped):
    assert losses(**dropped)[0] != losses()[0]


def repeated(steps, seed=0):
    """Losses of one window again and again, without learning: only the masks can change them."""
    model = network(**DROPPED)
    weights = model.initial_weights(np.random.SeedSequence(0))
    pupil = Learner(model, weights, keras.optimizers.SGD(0.0), seed=np.random.SeedSequence(seed))
    bits = np.random.default_rng(0).integers(0, 2, (2, WINDOW, ROWS))
    x_TBI, y_TB = tf.constant(bits[0, ..., None], tf.float32), tf.constant(bits[1], tf.int32)
    return [float(pupil.step(x_TBI, y_TB, pupil.zero_state(ROWS))[1]) for _ in range(steps)]


def test_every_step_has_masks_of_its_own():
    assert len(set(repeated(5))) == 5


def test_seeds_have_masks_of_their_own():
    assert set(repeated(5, seed=0)).isdisjoint(repeated(5, seed=1))


def step_graph(**dropout):
    pupil = learner(network(**dropout))
    x_TBI, y_TB = tf.zeros((WINDOW, ROWS, 1)), tf.zeros((WINDOW, ROWS), tf.int32)
    step = tf.function(pupil.step, autograph=False)
    return operations(step.get_concrete_function(x_TBI, y_TB, pupil.zero_state(ROWS)))


def test_nothing_is_drawn_where_nothing_is_dropped():
    def draws(**dropout):
        return [name for name in step_graph(**dropout) if "Random" in name]

    assert draws(**DROPPED)
    assert not draws()
