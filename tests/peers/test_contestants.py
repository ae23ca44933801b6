"""Every contestant computes what ours compute: the losses of the first training steps."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.peers.contestants import c_compiler, contestants
from echo_rnn.peers.draw import draw
from echo_rnn.peers.process import LostError, Process
from echo_rnn.peers.worker import TOLD
from tests.peers.shapes import SEED, tiny

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "peers"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
NEEDS_C = pytest.mark.skipif(c_compiler() is None, reason="no C compiler")
NEEDS_PEERS = pytest.mark.skipif(not PYTHON.exists(), reason="no environment of the peers; `make peers` makes it")


def losses(name, shape, folder, *, python=PYTHON):
    """What a contestant tells of its first steps."""
    (found,) = [each for each in contestants(shape, ["dynamic"], PROGRAMS, python) if each.name == name]
    file = folder / "problem"
    draw(shape, np.random.SeedSequence(3)).write(file)
    with Process([*found.command(folder), str(file)], found.threads) as process:
        return process.run(-(-TOLD // process.unit))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Our losses by shape."""
    known = {}

    def of(shape):
        if shape not in known:
            known[shape] = losses("dynamic graph", shape, tmp_path_factory.mktemp("ours"))
        return known[shape]

    return of


@NEEDS_C
@pytest.mark.parametrize("name", ["C vectors", "C loops"])
@pytest.mark.parametrize(
    "shape",
    [
        SEED,
        *(
            pytest.param(shape, marks=pytest.mark.slow)
            for shape in (tiny(), tiny(layers=1, batch_size=9, units=5, window=7))
        ),
    ],
    ids=lambda shape: shape.key,
)
def test_c_trains_as_ours_does(name, shape, expected, tmp_path):
    # Other sums and another tanh leave 1e-6.
    np.testing.assert_allclose(losses(name, shape, tmp_path), expected(shape), rtol=2e-5)


@NEEDS_PEERS
@pytest.mark.slow
@pytest.mark.parametrize("name", ["PyTorch", "JAX", "JAX unrolled"])
def test_other_libraries_train_as_ours_does(name, expected, tmp_path):
    np.testing.assert_allclose(losses(name, SEED, tmp_path), expected(SEED), rtol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["article dynamic", "article static", "Keras", "Keras unrolled", "Keras XLA"])
def test_other_ways_in_tensorflow_train_as_ours_does(name, expected, tmp_path):
    # What `fit` tells is a running mean, of which differences are taken.
    np.testing.assert_allclose(losses(name, SEED, tmp_path), expected(SEED), rtol=1e-4)


def test_a_large_shape_is_trained_in_lanes_too(expected, tmp_path):
    large = replace(SEED, layers=1, units=20)
    names = [each.name for each in contestants(large, ["deferred", "block"], PROGRAMS, PYTHON) if each.is_ours]
    assert names == ["deferred xla", "block graph", "deferred lanes", "dynamic graph"]
    np.testing.assert_allclose(losses("dynamic lanes", large, tmp_path), expected(large), rtol=2e-5)


@pytest.mark.slow
def test_losses_told_do_fall(tmp_path):
    shape = Shape("lstm", 1, 4, 5, 15, 1, "float32", "graph", 1)
    told = losses("dynamic graph", shape, tmp_path)
    assert len(told) == TOLD
    assert np.mean(told[-5:]) < np.mean(told[:5])


def test_what_xla_does_not_have_runs_as_a_graph_and_so_does_the_plain_loop():
    field = contestants(SEED, ["dynamic", "block"], PROGRAMS, PYTHON)
    assert [each.name for each in field if each.is_ours] == ["dynamic xla", "block graph", "dynamic graph"]


def test_an_environment_that_is_missing_is_named(tmp_path):
    with pytest.raises(LostError, match="expected an environment nowhere, got none"):
        losses("JAX", SEED, tmp_path, python=Path("nowhere/bin/python"))


def test_a_compiler_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(LostError, match="expected a C compiler"):
        losses("C loops", tiny(), tmp_path)


@NEEDS_C
def test_a_program_refuses_another_shape_than_its_own(tmp_path):
    (found,) = [each for each in contestants(tiny(), [], PROGRAMS, PYTHON) if each.name == "C loops"]
    draw(tiny(units=2), np.random.SeedSequence(3)).write(tmp_path / "problem")
    with pytest.raises(LostError, match="expected the sizes it was compiled for, got others"):
        Process([*found.command(tmp_path), str(tmp_path / "problem")], 1)


def test_this_interpreter_runs_ours():
    (first, *_) = contestants(tiny(), ["static"], PROGRAMS, PYTHON)
    assert first.command(Path())[0] == sys.executable
