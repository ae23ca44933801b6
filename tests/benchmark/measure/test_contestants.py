"""Every contestant computes what ours compute: the losses of the first training steps."""

import functools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from echo_rnn.benchmark.measure.contestants import beside_peers, c_compiler
from echo_rnn.benchmark.measure.draw import draw
from echo_rnn.benchmark.measure.problem import FILE
from echo_rnn.benchmark.measure.process import LostError, Process
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.worker import MOST_LOSSES
from tests.benchmark import shapes
from tests.benchmark.shapes import SEED

pytestmark = pytest.mark.xdist_group("contestants")  # in one process, for its fixtures

ROOT = Path(__file__).parents[3]
PROGRAMS = ROOT / "peers"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def tiny(**changes):
    return shapes.tiny(**{"inputs": 1, **changes})


NEEDS_C = pytest.mark.skipif(c_compiler() is None, reason="no C compiler")
NEEDS_PEERS = pytest.mark.skipif(not PYTHON.exists(), reason="no environment of the peers; `make peers` makes it")


def losses(name, shape, folder, *, python=PYTHON):
    """The losses of a contestant's first steps."""
    (found,) = [each for each in beside_peers(shape, ["dynamic"], PROGRAMS, python) if each.name == name]
    draw(shape, 3).write(folder / FILE)
    with Process(found.command(folder), found.threads) as process:
        return process.run(-(-MOST_LOSSES // process.unit))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Our losses by shape."""
    return functools.cache(lambda shape: losses("dynamic graph", shape, tmp_path_factory.mktemp("ours")))


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


@NEEDS_PEERS
@pytest.mark.slow
@pytest.mark.parametrize("name", ["PyTorch", "JAX"])
def test_other_libraries_learn_a_real_target_as_ours_does(name, expected, tmp_path):
    audio = tiny(layers=1, loss="mse")
    np.testing.assert_allclose(losses(name, audio, tmp_path), expected(audio), rtol=2e-5)


def test_a_real_target_is_compared_with_what_learns_it():
    field = beside_peers(tiny(layers=1, loss="mse"), ["dynamic"], PROGRAMS, PYTHON)
    assert {each.name for each in field if not each.is_ours} == {"PyTorch", "JAX"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["article dynamic", "article static", "Keras", "Keras unrolled", "Keras XLA"])
def test_other_ways_in_tensorflow_train_as_ours_does(name, expected, tmp_path):
    # What `fit` tells is a running mean, of which differences are taken.
    np.testing.assert_allclose(losses(name, SEED, tmp_path), expected(SEED), rtol=1e-4)


def test_a_large_shape_is_trained_in_shards_too(expected, tmp_path):
    large = replace(SEED, layers=1, units=16, batch_size=50, window=70)
    field = beside_peers(large, ["deferred", "block"], PROGRAMS, PYTHON)
    names = [each.name for each in field if each.is_ours]
    assert names == [
        "deferred xla",
        "deferred xla again",
        "block graph",
        f"deferred xla shards{2 * SEED.threads}",
        "dynamic graph",
    ]
    np.testing.assert_allclose(
        losses(f"dynamic xla shards{2 * SEED.threads}", large, tmp_path), expected(large), rtol=2e-5
    )


@pytest.mark.slow
def test_losses_fall(tmp_path):
    shape = Shape("lstm", 1, 4, 5, 15, 1, "float32", "graph", 1)
    first = losses("dynamic graph", shape, tmp_path)
    assert len(first) == MOST_LOSSES
    assert np.mean(first[-5:]) < np.mean(first[:5])


def test_what_xla_does_not_have_runs_as_a_graph_and_so_does_the_plain_loop():
    field = beside_peers(SEED, ["dynamic", "block"], PROGRAMS, PYTHON)
    assert [each.name for each in field if each.is_ours] == [
        "dynamic xla",
        "dynamic xla again",
        "block graph",
        "dynamic graph",
    ]


def test_an_environment_that_is_missing_is_named(tmp_path):
    with pytest.raises(LostError, match="expected an environment nowhere, got none"):
        losses("JAX", SEED, tmp_path, python=Path("nowhere/bin/python"))


def test_a_compiler_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(LostError, match="expected a C compiler"):
        losses("C loops", tiny(), tmp_path)


@NEEDS_C
def test_a_program_refuses_another_shape_than_its_own(tmp_path):
    (found,) = [each for each in beside_peers(tiny(), [], PROGRAMS, PYTHON) if each.name == "C loops"]
    draw(tiny(units=2), 3).write(tmp_path / FILE)
    with (
        pytest.raises(LostError, match="expected the sizes it was compiled for, got others"),
        Process(found.command(tmp_path), 1),
    ):
        pass


def test_this_interpreter_runs_ours(tmp_path):
    (first, *_) = beside_peers(tiny(), ["static"], PROGRAMS, PYTHON)
    assert first.command(tmp_path)[0] == sys.executable
