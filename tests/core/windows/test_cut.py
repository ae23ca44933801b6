import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_rnn.core.windows.cut import as_windows, read_windows, window_count


def numbered(rows, steps):
    return np.arange(rows * steps, dtype=np.uint8).reshape(rows, steps)


def test_the_seed_leaves_ten_steps_over():
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
