"""A batch in shards trains as one in one program does."""

import functools
import itertools

import numpy as np
import pytest

from echo_rnn.core.unroll.deferred import deferred
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from echo_rnn.training.stopping import StoppedError
from tests.training.problems import assert_same_bits, learner, network, trained

pytestmark = pytest.mark.xdist_group("shards")  # in one process, for what is cached


def in_shards(model, shards, **changes):
    return trained(learner(model, shards=shards), compile="xla", shards=shards, **changes)


@functools.cache
def in_one(cell, strategy):
    return trained(learner(network(cell, unroll=strategy)), compile="graph")


# Three rows: in two shards of different sizes, in one for each row, and more shards than rows.
@pytest.mark.parametrize(
    ("cell", "strategy", "shards"),
    [
        *(("lstm", deferred, shards) for shards in (2, 3, 5)),
        ("gru", dynamic, 2),
        pytest.param("rnn", wavefront_deferred, 5, marks=pytest.mark.slow),
    ],
)
def test_shards_train_as_one_program_does(cell, strategy, shards):
    whole, ours = in_one(cell, strategy), in_shards(network(cell, unroll=strategy), shards)
    # See `test_compilers_agree`.
    np.testing.assert_allclose(ours.losses, whole.losses, rtol=1e-4)
    np.testing.assert_allclose(ours.scores, whole.scores, rtol=1e-6)
    for one, other in zip(ours.variables, whole.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("variational", [False, True])
def test_a_row_drops_the_same_in_its_shard(variational):
    model = network(between=0.3, output=0.2, variational=variational)
    whole = trained(learner(model), compile="graph")
    np.testing.assert_allclose(in_shards(model, 2).losses, whole.losses, rtol=1e-4)


def test_one_step_at_a_time_gives_the_same_bits_as_many():
    model = network("lstm", unroll=deferred)
    assert_same_bits(in_shards(model, 2, scope="step"), in_shards(model, 2))


def test_a_training_in_shards_resumes_to_the_same_bits(tmp_path):
    model = network("lstm", unroll=deferred, output=0.2)
    calls = itertools.count()
    with pytest.raises(StoppedError):
        in_shards(model, 2, folder=tmp_path, stop_requested=lambda: next(calls) == 7, scope="step")
    assert_same_bits(in_shards(model, 2, folder=tmp_path), in_shards(model, 2))
