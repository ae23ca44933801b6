"""A trained network is loaded as it was saved, and its Keras model predicts the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.config.network import MODEL
from echo_rnn.core.model import build, flat
from echo_rnn.core.strategies import get_strategy
from echo_rnn.errors import UserError
from echo_rnn.inference import store as trained
from echo_rnn.inference.description import Description
from tests.crashes import crash_after
from tests.inference.networks import BITS

DROPOUT = {"between": 0.0, "output": 0.0, "variational": False}
STACK = {"layers": 2, "units": [4, 3], "dropout": DROPOUT, "precision": "float32", "residual": False}
MODELS = {
    "lstm": MODEL.validate({"cell": "lstm", "forget_bias": 1.0, **STACK}),
    "gru_after": MODEL.validate({"cell": "gru", "reset_after": True, **STACK}),
    "gru_before": MODEL.validate({"cell": "gru", "reset_after": False, **STACK}),
    "rnn": MODEL.validate({"cell": "rnn", **STACK}),
    "custom": MODEL.validate({"cell": "custom", "path": "keras.layers:GRUCell", "options": {}, **STACK}),
}
UNROLL = get_strategy("dynamic")


def saved(folder, section):
    """A network with weights of its own, none of them a default; its logits for some series."""
    model = build(section.stack, UNROLL, 1, 2)
    rng = np.random.default_rng(0)
    weights = tf.nest.map_structure(
        lambda leaf: tf.constant(rng.normal(size=leaf.shape), tf.float32),
        model.initial_weights(np.random.SeedSequence(0)),
    )
    trained.save(folder, Description(section, UNROLL, BITS), weights, run_id="a" * 32, dataset_digest="d")
    x_TBI = tf.constant(rng.normal(size=(7, 3, 1)), tf.float32)
    logits_TBC, _ = model(weights, x_TBI, model.zero_state(3))
    return weights, x_TBI, logits_TBC


@pytest.mark.parametrize("cell", MODELS)
def test_what_is_saved_comes_back(tmp_path, cell):
    weights, x_TBI, logits_TBC = saved(tmp_path, MODELS[cell])
    loaded = trained.load(tmp_path)
    assert loaded.run_id == "a" * 32
    for ours, theirs in zip(flat(loaded.weights), flat(weights), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    again_TBC, _ = loaded.model(loaded.weights, x_TBI, loaded.model.zero_state(3))
    np.testing.assert_array_equal(again_TBC, logits_TBC)


@pytest.mark.parametrize("cell", MODELS)
def test_the_keras_model_gives_the_same_probabilities(tmp_path, cell):
    _, x_TBI, logits_TBC = saved(tmp_path, MODELS[cell])
    model = keras.saving.load_model(tmp_path / "model.keras")
    p_BTC = model.predict(tf.transpose(x_TBI, (1, 0, 2)), verbose=0)
    np.testing.assert_allclose(p_BTC.transpose(1, 0, 2), tf.nn.softmax(logits_TBC), atol=1e-5, rtol=0)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)


def test_two_saves_of_equal_weights_have_equal_weight_files(tmp_path):
    for name in ("a", "b"):
        saved(tmp_path / name, MODELS["lstm"])
    assert (tmp_path / "a" / "weights.npz").read_bytes() == (tmp_path / "b" / "weights.npz").read_bytes()


def assert_refused(folder, name):
    with pytest.raises(UserError) as caught:
        trained.load(folder)
    assert caught.value.code == "manifest.damaged"
    assert str(caught.value).startswith(f"{folder / name}: expected ")
    assert "dvc repro train" in str(caught.value)


@pytest.mark.parametrize("name", ["weights.npz", "model.keras"])
def test_a_flipped_bit_is_named(tmp_path, name):
    saved(tmp_path, MODELS["rnn"])
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    assert_refused(tmp_path, name)


@pytest.mark.parametrize("moves", range(3))
def test_a_crash_while_saving_leaves_the_earlier_network_or_is_detected(tmp_path, monkeypatch, moves):
    earlier, _, _ = saved(tmp_path, MODELS["rnn"])
    done = crash_after(monkeypatch, tmp_path, moves)
    with pytest.raises(KeyboardInterrupt):
        saved(tmp_path, MODELS["lstm"])
    assert len(done) == moves
    if moves:
        assert_refused(tmp_path, ["model.keras", "weights.npz"][moves - 1])
        return
    for ours, theirs in zip(flat(trained.load(tmp_path).weights), flat(earlier), strict=True):
        np.testing.assert_array_equal(ours, theirs)
