"""How many lanes there are."""

import pytest

from echo_rnn.core.shard_count import lanes_of, shard_count


@pytest.mark.parametrize(("mode", "lanes"), [("none", 1), ("graph", 1), ("xla", 1), ("lanes", 6)])
def test_two_for_each_thread_in_the_mode_of_their_name(mode, lanes):
    assert lanes_of(mode, threads=3) == lanes


@pytest.mark.parametrize(
    ("rows", "most", "lanes"),
    [(64, 4, 4), (64, 6, 4), (5, 4, 4), (10, 4, 2), (3, 4, 3), (1, 4, 1), (7, 4, 4), (9, 4, 3), (9, 1, 1)],
)
def test_equal_ones_where_that_costs_no_more_than_half_of_them(rows, most, lanes):
    assert shard_count(rows, most) == lanes
