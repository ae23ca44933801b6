"""Every file of `conf/unroll/` is a strategy that trains, and what cannot be combined is refused with what to use."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from pydantic import TypeAdapter

from echo_rnn.config import network
from echo_rnn.core.model import build
from echo_rnn.core.unroll import build_unroll, named
from echo_rnn.errors import UserError

CONF = Path(__file__).parents[3] / "conf"
# `auto` is no strategy of its own; it becomes one before a network is built.
OPTIONS = sorted({path.stem for path in (CONF / "unroll").glob("*.yaml")} - {"auto"})


def section(group, option, kind):
    return TypeAdapter(kind).validate_python(yaml.safe_load((CONF / group / f"{option}.yaml").read_text()))


def model(cell):
    return section("model", cell, network.Model)


def unroll(option):
    return section("unroll", option, network.Unroll)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_gives_the_same_logits(option):
    x_TBI = tf.constant(np.random.default_rng(0).normal(size=(6, 2, 1)), tf.float32)

    def logits(option):
        network = build(model("lstm"), unroll(option), 1, 2)
        weights = network.initial_weights(np.random.SeedSequence(0))
        return network(weights, x_TBI, network.zero_state(2))[0]

    np.testing.assert_allclose(logits(option), logits("static"), atol=1e-6)  # of values up to 1, in float32


@pytest.mark.parametrize("option", [option for option in OPTIONS if option != "block"])
def test_every_option_but_block_runs_in_bfloat16_from_float32_to_float32(option):
    section = model("lstm").model_copy(update={"precision": "bfloat16"})
    network = build(section, unroll(option), 1, 2)
    weights = network.initial_weights(np.random.SeedSequence(0))
    logits, state = network(weights, tf.ones((6, 2, 1)), network.zero_state(2))
    expected, _ = build(model("lstm"), unroll("static"), 1, 2)(weights, tf.ones((6, 2, 1)), network.zero_state(2))
    assert {tensor.dtype for tensor in tf.nest.flatten((weights, logits, state))} == {tf.float32}
    # Three layers and six steps round values up to 1 to 8 binary digits; all is one and the same where none is.
    assert 0 < np.abs(logits - expected).max() < 0.02


def test_labels_tell_options_apart():
    assert len({unroll(option).label for option in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_label_names_its_strategy(option):
    assert named(unroll(option).label) == build_unroll(unroll(option), model("lstm"))


def test_what_names_no_strategy_is_refused():
    with pytest.raises(UserError, match=r"unroll: expected one of static, .* with K time steps, got 'partial0'"):
        named("partial0")


def test_block_is_refused_in_bfloat16():
    narrow = model("lstm").model_copy(update={"precision": "bfloat16"})
    with pytest.raises(UserError, match=r"unroll.name: expected for model.precision = bfloat16 .*, got 'block'"):
        build(narrow, unroll("block"), 1, 2)


def test_block_is_refused_for_other_cells():
    with pytest.raises(UserError, match=r"unroll.name: expected for model.cell = gru .* deferred .*, got 'block'"):
        build(model("gru"), unroll("block"), 1, 2)


def test_block_is_refused_under_xla():
    with pytest.raises(UserError, match=r"unroll.name: expected for trainer.compile = xla .*graph, got 'block'"):
        build(model("lstm"), unroll("block"), 1, 2, compiled="xla")
