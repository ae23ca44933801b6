"""The same seed, the same bits: whatever a call covers, however long it is, and in a process of its own."""

import hashlib
import itertools
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from echo_rnn.training import loop
from tests.core.unroll.equality import MODES
from tests.training.problems import assert_same_bits, dataset, learner, network, trained

pytestmark = pytest.mark.xdist_group("repeatable")  # in one process, for what is cached


class Counts:
    """A pace that does not look at the clock."""

    def __init__(self, count):
        self._count = count

    def measured(self, count, seconds):
        pass

    def next(self, remaining):
        return min(self._count, remaining)


def dropping():
    return learner(network(sizes=(4,), output=0.2))


@cache
def usual(mode):
    return trained(dropping(), compile=mode)


@pytest.mark.parametrize(
    ("mode", "scope", "count"),
    [
        *itertools.product(("none", "graph"), ("block",), (1, 4)),
        ("none", "step", 1),
        ("graph", "step", 1),
        ("xla", "step", 1),
        pytest.param("xla", "block", 1, marks=pytest.mark.slow),
        pytest.param("xla", "block", 4, marks=pytest.mark.slow),
    ],
)
def test_calls_of_any_length_give_the_same_bits(mode, scope, count, monkeypatch):
    monkeypatch.setattr(loop, "Pace", lambda: Counts(count))
    assert_same_bits(trained(dropping(), compile=mode, scope=scope), usual(mode))


@pytest.mark.parametrize("mode", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
def test_buffers_of_any_size_give_the_same_bits(mode, monkeypatch):
    usual = trained(compile=mode)
    monkeypatch.setattr(loop, "capacity", lambda *shape: 4)  # nine windows: the last buffer is padded
    assert_same_bits(trained(compile=mode), usual)


def test_another_seed_gives_another_curve():
    assert not np.array_equal(trained(learner(seed=1)).losses, trained(learner(seed=2)).losses)


@pytest.mark.parametrize("cell", ["lstm", pytest.param("rnn", marks=pytest.mark.slow)])
def test_compilers_agree(cell):
    eager, *compiled = (trained(learner(network(cell)), compile=mode).losses for mode in MODES)
    for losses in compiled:
        # Float32 has 7 digits, of which 18 steps of Adagrad with a learning rate of 0.3 leave 4.
        np.testing.assert_allclose(losses, eager, rtol=1e-4)


def test_training_goes_on_from_a_snapshot_as_if_it_had_not_stopped():
    """Optimizer state and dropout included: the second half from a snapshot equals that of one training."""
    model, data = network(between=0.3, output=0.2), dataset(epochs=2)
    whole, snapshots = learner(model), []
    losses = trained(whole, data, on_epoch=lambda record: snapshots.append(whole.snapshot())).losses
    resumed = learner(model)
    resumed.restore(snapshots[0])
    data.train.x_EBNI[0], data.train.y[0] = data.train.x_EBNI[1], data.train.y[1]
    np.testing.assert_array_equal(trained(resumed, data, epochs=1).losses, losses[len(losses) // 2 :])


def digest():
    """Of every loss and variable of a training with everything on."""
    outcome = trained(learner(network("lstm", between=0.3, output=0.2)), compile="xla")
    return hashlib.sha256(b"".join(array.tobytes() for array in (outcome.losses, *outcome.variables))).hexdigest()


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bits():
    command = [sys.executable, "-c", "from tests.training.test_repeatable import digest; print(digest())"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    output = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout
    assert output.split() == [digest()]


def test_fresh_learners_give_the_same_bits():
    assert_same_bits(trained(dropping()), trained(dropping()))
