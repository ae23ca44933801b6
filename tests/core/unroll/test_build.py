"""Every label of the table builds a network that trains, and what cannot be combined is refused with what to use."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.cell_table import CELLS, Stack
from echo_rnn.core.model import build
from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.errors import UserError

NARROW = [label for label in labels() if get_strategy(label).strategy.precisions is None]


def network(label, cell="lstm", precision="float32", **options):
    stack = Stack(CELLS[cell], (4, 4, 4), precision, CELLS[cell].defaults)
    return build(stack, get_strategy(label), 1, 2, **options)


@pytest.mark.parametrize("label", labels())
def test_every_strategy_gives_the_same_logits(label):
    x_TBI = tf.constant(np.random.default_rng(0).normal(size=(6, 2, 1)), tf.float32)

    def logits(label):
        made = network(label)
        return made(made.initial_weights(np.random.SeedSequence(0)), x_TBI, made.zero_state(2))[0]

    np.testing.assert_allclose(logits(label), logits("static"), atol=1e-6)  # of values up to 1, in float32


@pytest.mark.parametrize("label", NARROW)
def test_every_strategy_but_a_kernel_runs_in_bfloat16_from_float32_to_float32(label):
    narrow, wide = network(label, precision="bfloat16"), network("static")
    weights, x_TBI = narrow.initial_weights(np.random.SeedSequence(0)), tf.ones((6, 2, 1))
    logits, state = narrow(weights, x_TBI, narrow.zero_state(2))
    expected, _ = wide(weights, x_TBI, wide.zero_state(2))
    assert {tensor.dtype for tensor in tf.nest.flatten((weights, logits, state))} == {tf.float32}
    # Three layers and six steps round values up to 1 to 8 binary digits; all is one and the same where none is.
    assert 0 < np.abs(logits - expected).max() < 0.02


@pytest.mark.parametrize(
    "options",
    [{"precision": "bfloat16"}, {"cell": "gru"}, {"compiled": "xla"}],
)
def test_a_refused_network_names_what_is_in_the_way_and_the_nearest_strategy(options):
    with pytest.raises(UserError) as refused:
        network("block", **options)
    (name, value) = next(iter(options.items()))
    assert refused.value.code == "strategy.refused"
    assert f"for {name.removesuffix('d')} = {value} " in str(refused.value)
    assert "deferred is the nearest" in str(refused.value)
    assert "got 'block'" in str(refused.value)
