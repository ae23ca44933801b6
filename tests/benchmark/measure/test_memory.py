"""The memory that a shape will need is estimated before it starts, and what cannot fit is refused."""

from types import SimpleNamespace

import psutil
import pytest

from echo_rnn.benchmark.measure.memory import expected_bytes, require_memory
from echo_rnn.benchmark.measure.shape import Shape, stored_bytes
from echo_rnn.errors import UserError
from tests.benchmark.shapes import tiny

SEED = Shape("lstm", 3, 4, 5, 15, 1, "float32", "graph", 2)


def test_memory_is_told_with_what_is_written_out_and_what_is_stored():
    base = expected_bytes(SEED, ("dynamic",))
    assert expected_bytes(SEED, ("static",)) > base + 45 * 2**20
    long = tiny(**{**vars(SEED), "batch_size": 1024, "window": 1000, "units": 256})
    assert expected_bytes(long, ()) > base + stored_bytes(long, "dynamic")


def test_a_shape_too_large_for_memory_is_refused_with_the_estimate(monkeypatch):
    require_memory(SEED, ("static",))
    with pytest.raises(UserError, match=r"available, got one that needs about \d+\.\d GiB") as caught:
        require_memory(tiny(**{**vars(SEED), "units": 4096, "batch_size": 4096, "window": 1000}), ("static",))
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**29))
    with pytest.raises(UserError, match=r"0\.5 GiB of memory that are available"):
        require_memory(SEED, ("static",))
