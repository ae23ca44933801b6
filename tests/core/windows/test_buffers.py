"""Buffers are all windows in order, of one shape, with padding at the end only."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_rnn.core.windows.buffers import buffers, capacity
from echo_rnn.core.windows.cut import as_windows

STATUS = Path("/proc/self/status")


@given(steps=st.integers(1, 40), window=st.integers(1, 6), size=st.integers(1, 9))
def test_buffers_in_order_are_the_windows(steps, window, size):
    one, other = np.arange(4 * steps, dtype=np.uint8).reshape(2, 2, steps)
    parts = list(buffers((one, other), window, size))
    for index, series in enumerate((one, other)):
        whole = as_windows(series, window)
        assert all(buffer.arrays[index].shape == (size, window, 2) for buffer in parts)
        read = [buffer.arrays[index][: buffer.count] for buffer in parts]
        np.testing.assert_array_equal(np.concatenate([whole[:0], *read]), whole)
    assert all(buffer.count == size for buffer in parts[:-1])


@given(row_steps=st.integers(1, 2**33), rows=st.integers(1, 2**12), window=st.integers(1, 2**12))
def test_a_buffer_holds_the_row_or_a_bounded_part_of_it(row_steps, rows, window):
    size = capacity(row_steps, rows, window)
    assert 1 <= size <= max(1, row_steps // window)
    assert size == 1 or size * window * rows <= 2**22
    assert size == row_steps // window or (size + 1) * window * rows > 2**22 or size == 1


def mapped_bytes():
    """What of files this process holds in memory, also of those that lie in memory themselves."""
    return 1024 * sum(map(int, re.findall(r"Rss(?:File|Shmem):\s+(\d+) kB", STATUS.read_text(encoding="ascii"))))


@pytest.mark.skipif(not (STATUS.exists() and "RssFile" in STATUS.read_text()), reason="the system tells no such thing")
def test_a_mapped_file_that_was_read_does_not_stay_in_memory(tmp_path):
    np.save(tmp_path / "series.npy", np.ones((2, 2**25), np.uint8))
    series_BN = np.load(tmp_path / "series.npy", mmap_mode="r")
    before, held = mapped_bytes(), []
    total = 0
    for buffer in buffers([series_BN], 64, 2**14):
        held.append(mapped_bytes() - before)
        total += int(buffer.arrays[0].sum())
    assert total == series_BN.size  # what was given back is read again where it is wanted
    assert max(held) < series_BN.size / 8
