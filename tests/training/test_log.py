"""A log appends rows to a file and rewinds to an earlier offset."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_rnn.errors import UserError
from echo_rnn.training.history import BEGINNING, Log


def rows(count, start=0):
    return np.arange(start, start + 3 * count, dtype=np.float32).reshape(-1, 3)


def opened(folder, offset=BEGINNING):
    log = Log(folder / "log.f32")
    log.rewind(offset)
    return log


@given(counts=st.lists(st.integers(0, 5), max_size=8), cut=st.integers(0, 8), more=st.integers(0, 5))
def test_it_resumes_from_an_offset_whatever_was_written_after_it(counts, cut, more, tmp_path_factory):
    folder, expected, offsets = tmp_path_factory.mktemp("log"), rows(0), [BEGINNING]
    log = opened(folder)
    for count in counts:
        log.append(rows(count, len(expected)))
        expected = np.concatenate([expected, rows(count, len(expected))])
        offsets.append(log.offset())
        np.testing.assert_array_equal(log.read(), expected)
    offset = offsets[min(cut, len(offsets) - 1)]
    again = opened(folder, offset)
    again.append(rows(more, 100))
    np.testing.assert_array_equal(again.read(), np.concatenate([expected[: offset.rows], rows(more, 100)]))
    np.testing.assert_array_equal(again.read(offset.rows), rows(more, 100))


def test_what_was_read_outlives_the_file(tmp_path):
    log = opened(tmp_path)
    log.append(rows(3))
    kept = log.read()
    log.path.unlink()
    np.testing.assert_array_equal(kept, rows(3))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b"x" + path.read_bytes()[1:]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_damage_is_named_and_nothing_is_cut_off(damage, tmp_path):
    log = opened(tmp_path)
    log.append(rows(3))
    offset = log.offset()
    damage(log.path)
    before = log.path.read_bytes() if log.path.is_file() else b""
    with pytest.raises(UserError, match=str(log.path)):
        opened(tmp_path, offset)
    assert not log.path.is_file() or log.path.read_bytes() == before
