"""Rows in lanes train as rows in one program do."""

import itertools

import numpy as np
import pytest

from echo_rnn.core.unroll.deferred import deferred
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from echo_rnn.training.stopping import StoppedError
from tests.training.problems import assert_same_bits, learner, network, trained


def in_shards(model, shards, **changes):
    return trained(learner(model, shards=shards), compile="lanes", **changes)


# Three rows: in two lanes of different sizes, in one for each row, and more lanes than rows.
@pytest.mark.parametrize("lanes", [2, 3, 5])
@pytest.mark.parametrize(
    ("cell", "strategy"),
    [("lstm", deferred), ("gru", dynamic), pytest.param("rnn", wavefront_deferred, marks=pytest.mark.slow)],
)
def test_lanes_train_as_one_program_does(cell, strategy, lanes):
    model = network(cell, unroll=strategy)
    whole, ours = trained(learner(model), compile="graph"), in_shards(model, lanes)
    # See `test_compilers_agree`.
    np.testing.assert_allclose(ours.losses, whole.losses, rtol=1e-4)
    np.testing.assert_allclose(ours.accuracies, whole.accuracies, rtol=1e-6)
    for one, other in zip(ours.variables, whole.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("variational", [False, True])
def test_a_row_drops_the_same_in_its_lane(variational):
    model = network(between=0.3, output=0.2, variational=variational)
    whole = trained(learner(model), compile="graph")
    np.testing.assert_allclose(in_shards(model, 2).losses, whole.losses, rtol=1e-4)


def test_one_step_at_a_time_gives_the_same_bits_as_many():
    model = network("lstm", unroll=deferred)
    assert_same_bits(in_shards(model, 2, scope="step"), in_shards(model, 2))


@pytest.mark.parametrize(("lanes", "mode"), [(1, "lanes"), (4, "graph"), (4, "xla")])
def test_learner_and_loop_agree_on_lanes(lanes, mode):
    with pytest.raises(ValueError, match="lanes"):
        trained(learner(shards=lanes), compile=mode)


def test_a_training_in_lanes_goes_on_to_the_same_bits(tmp_path):
    model = network("lstm", unroll=deferred, output=0.2)
    calls = itertools.count()
    with pytest.raises(StoppedError):
        in_shards(model, 2, folder=tmp_path, asked=lambda: next(calls) == 7, scope="step")
    assert_same_bits(in_shards(model, 2, folder=tmp_path), in_shards(model, 2))
