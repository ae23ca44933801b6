"""What a shape will need is told before it starts, and what cannot fit is refused."""

from types import SimpleNamespace

import psutil
import pytest

from echo_rnn.benchmark.measure import expected
from echo_rnn.benchmark.measure.expected import expected_bytes, expected_seconds, require_memory
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.errors import UserError
from tests.benchmark.shapes import tiny

SEED = Shape("lstm", 3, 4, 5, 15, 1, "float32", "graph", 2)
# Seconds of whole processes on two cores, 5 rounds: measured.
MEASURED = [
    (SEED, ("static", "wavefront", "block", "keras_unrolled", "partial5"), 14),
    (Shape("lstm", 3, 32, 64, 60, 1, "float32", "graph", 2), ("static",), 21),
    (Shape("lstm", 3, 32, 5, 60, 1, "float32", "xla", 2), ("static", "wavefront", "deferred"), 170),
]


@pytest.mark.parametrize(("shape", "labels", "seconds"), MEASURED)
def test_time_is_right_within_a_factor_of_three(shape, labels, seconds):
    assert seconds / 3 < expected_seconds(shape, labels, 5) < 3 * seconds


def test_more_takes_longer():
    base = expected_seconds(SEED, ("static",), 10)
    assert expected_seconds(SEED, ("static",), 20) > base
    assert expected_seconds(SEED, ("static", "block"), 10) > base
    assert expected_seconds(SEED, ("static",), 10, 0.1) > base
    assert expected_seconds(tiny(**{**vars(SEED), "window": 60}), ("static",), 10) > base
    assert expected_seconds(SEED, ("static",), 10, memory=True) < base


def test_a_budget_bounds_the_rounds_and_nothing_else():
    large = Shape("lstm", 1, 512, 256, 50, 128, "float32", "graph", 2)
    free, bounded = (expected_seconds(large, ("static",), 100, budget_seconds=budget) for budget in (None, 10))
    assert 10 < bounded < free / 4
    # Three rounds are measured in any case.
    assert expected_seconds(large, ("static",), 100, budget_seconds=1e-3) > expected_seconds(large, ("static",), 3) - 1
    assert expected_seconds(SEED, ("static",), 10, budget_seconds=1e6) == expected_seconds(SEED, ("static",), 10)


def test_memory_is_told_with_what_is_written_out_and_what_is_stored():
    base = expected_bytes(SEED, ("dynamic",))
    assert expected_bytes(SEED, ("static",)) > base + 45 * 2**20
    long = tiny(**{**vars(SEED), "batch_size": 1024, "window": 1000, "units": 256})
    assert expected_bytes(long, ()) > base + expected.stored_bytes(long, "dynamic")


def test_a_shape_too_large_for_memory_is_refused_with_the_estimate(monkeypatch):
    require_memory(SEED, ("static",))
    with pytest.raises(UserError, match=r"available, got one that needs about \d+\.\d GiB") as caught:
        require_memory(tiny(**{**vars(SEED), "units": 4096, "batch_size": 4096, "window": 1000}), ("static",))
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**29))
    with pytest.raises(UserError, match=r"0\.5 GiB of memory that are available"):
        require_memory(SEED, ("static",))
