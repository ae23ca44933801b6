"""Windows in order are the series; buffers are all windows in order, of one shape, with padding at the end only."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_rnn.core.windows.buffers import as_windows, buffers, capacity, read_windows, window_count

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


def numbered(rows, steps):
    return np.arange(rows * steps, dtype=np.uint8).reshape(rows, steps)


def test_ten_steps_of_the_seeds_rows_fill_no_window():
    assert window_count(10_000, 15) == (666, 10)


@given(rows=st.integers(1, 4), steps=st.integers(1, 30), window=st.integers(1, 8))
def test_windows_in_order_are_the_row_without_its_leftover(rows, steps, window):
    series_BN = numbered(rows, steps)
    windows, left_over = window_count(steps, window)
    windows_WTB = as_windows(series_BN, window)
    assert windows_WTB.shape == (windows, window, rows)
    np.testing.assert_array_equal(windows_WTB.reshape(-1, rows).T, series_BN[:, : steps - left_over])


@given(window=st.integers(1, 6), data=st.data())
def test_a_read_is_a_slice_of_all_windows(window, data):
    series_BN = numbered(3, 20)
    windows, _ = window_count(20, window)
    first = data.draw(st.integers(0, windows))
    count = data.draw(st.integers(0, windows - first))
    read_WTB = read_windows(series_BN, window, first, count)
    np.testing.assert_array_equal(read_WTB, as_windows(series_BN, window)[first : first + count])
    assert read_WTB.flags.c_contiguous
    assert not np.shares_memory(read_WTB, series_BN)


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 5), (4, 1), (0, -1)])
def test_a_read_outside_the_series_is_refused(first, count):
    with pytest.raises(ValueError, match="of a series that has 4"):
        read_windows(numbered(2, 20), 5, first, count)


def test_a_read_of_a_mapped_series_is_in_memory(tmp_path):
    np.save(tmp_path / "series.npy", numbered(1, 20))
    mapped_BN = np.load(tmp_path / "series.npy", mmap_mode="r")
    read_WTB = read_windows(mapped_BN, 5, 1, 2)
    assert type(read_WTB) is np.ndarray
    assert read_WTB.flags.writeable
