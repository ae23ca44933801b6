"""How many shards there are."""

import pytest

from echo_rnn.core.shard_count import shard_count


@pytest.mark.parametrize(
    ("batch_size", "most", "shards"),
    [(64, 4, 4), (64, 6, 4), (5, 4, 4), (10, 4, 2), (3, 4, 3), (1, 4, 1), (7, 4, 4), (9, 4, 3), (9, 1, 1)],
)
def test_equal_ones_where_that_costs_no_more_than_half_of_them(batch_size, most, shards):
    assert shard_count(batch_size, most) == shards
