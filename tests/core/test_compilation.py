"""Loops of small layers are fused, large ones call a library for their products."""

import pytest

from echo_rnn.core.compilation import STEPS_BYTES, WINDOWS_BYTES, XLA_BYTES, fused_loop_bytes, shard_count
from echo_rnn.core.strategies import get_strategy


@pytest.mark.parametrize(
    ("sizes", "label", "limit"),
    [
        ([4], "dynamic", WINDOWS_BYTES),
        ([4, 8, 4], "wavefront_deferred", WINDOWS_BYTES),
        *(([4], label, STEPS_BYTES) for label in ("static", "static_rnn", "keras_unrolled", "partial5")),
        ([4], "checkpointed", STEPS_BYTES),
        ([9], "dynamic", STEPS_BYTES),
        ([4, 16], "deferred", STEPS_BYTES),
        ([4, 17], "deferred", XLA_BYTES),
        ([64], "static", XLA_BYTES),
    ],
)
def test_the_largest_layer_and_the_strategy_decide(sizes, label, limit):
    assert fused_loop_bytes(sizes, get_strategy(label)) == limit


@pytest.mark.parametrize(
    ("batch_size", "most", "shards"),
    [(64, 4, 4), (64, 6, 4), (5, 4, 4), (10, 4, 2), (3, 4, 3), (1, 4, 1), (7, 4, 4), (9, 4, 3), (9, 1, 1)],
)
def test_equal_ones_where_that_costs_no_more_than_half_of_them(batch_size, most, shards):
    assert shard_count(batch_size, most) == shards
