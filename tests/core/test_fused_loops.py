"""Loops of small layers are fused, large ones call a library for their products."""

import pytest

from echo_rnn.core.fused_loops import STEPS_BYTES, WINDOWS_BYTES, XLA_BYTES, fused_loop_bytes
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
