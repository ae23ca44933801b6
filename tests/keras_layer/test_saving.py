"""Every way to save and load that Keras and TensorFlow have keeps the weights."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.keras_layer import Unrolled
from tests.keras_layer import saved_models

FILES = Path(__file__).parent / "files"
X = saved_models.X


def test_every_way_to_save_and_load_computes_the_same_in_a_fresh_process(tmp_path):
    for name, fresh in saved_models.MODELS.items():
        for output in saved_models.save(fresh(), tmp_path / name).values():
            np.testing.assert_allclose(output, np.load(tmp_path / name / "expected.npy"), atol=1e-6)
    command = [sys.executable, "-m", "tests.keras_layer.saved_models", tmp_path]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert answer.returncode == 0, answer.stderr
    loaded = {
        tuple(line.rsplit(" ", 1)[0].split(" ", 1)): float(line.split()[-1]) for line in answer.stdout.splitlines()
    }
    assert {name for name, _ in loaded} == set(saved_models.MODELS)
    assert {way for _, way in loaded} >= {"keras", "weights", "checkpoint", "manager", "saved_model", "export", "json"}
    assert {pair: error for pair, error in loaded.items() if not error < 1e-5} == {}


def test_a_file_of_version_0_1_loads():
    model = keras.models.load_model(FILES / "version_0_1.keras")
    np.testing.assert_allclose(model.predict(X, verbose=0), np.load(FILES / "version_0_1.npy"), atol=1e-6)


def test_a_checkpoint_is_restored_into_a_layer_that_is_built_later(tmp_path):
    model = keras.Sequential([Unrolled([4, 3])])
    expected = model(X)
    tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    fresh = keras.Sequential([Unrolled([4, 3])])
    status = tf.train.Checkpoint(model=fresh).read(str(tmp_path / "checkpoint"))
    fresh.build(X.shape)
    status.assert_existing_objects_matched()
    np.testing.assert_allclose(fresh(X), expected, atol=1e-6)


def keras_model(kind):
    """The same model of Keras's layers and of ours."""
    lstm, gru = (keras.layers.LSTM, keras.layers.GRU) if kind == "keras" else (ours("lstm"), ours("gru"))
    inputs = keras.Input((saved_models.STEPS, saved_models.FEATURES))
    x = keras.layers.Bidirectional(lstm(4, return_sequences=True))(inputs)
    x = lstm(3, return_sequences=True)(x)
    y = gru(2, return_sequences=True, reset_after=False)(x)
    x = keras.layers.Concatenate()([lstm(3, return_sequences=True)(x), y])
    return keras.Model(inputs, keras.layers.Dense(1)(gru(3)(x)))


def ours(cell):
    return lambda units, **options: Unrolled(units, cell, unroll="deferred", **options)


@pytest.mark.parametrize("file", ["model.weights.h5", "model.keras"])
def test_weights_of_a_model_of_keras_layers_load_into_the_same_model(tmp_path, file):
    model = keras_model("keras")
    (model.save_weights if "weights" in file else model.save)(tmp_path / file)
    unrolled = keras_model("ours")
    unrolled.load_weights(tmp_path / file)
    np.testing.assert_allclose(unrolled(X), model(X), atol=1e-6)
    unrolled.save_weights(tmp_path / "again.weights.h5")  # and its own file is written and read as ever
    fresh = keras_model("ours")
    fresh.load_weights(tmp_path / "again.weights.h5")
    np.testing.assert_allclose(fresh(X), model(X), atol=1e-6)


def test_a_stack_takes_the_weights_of_as_many_keras_layers(tmp_path):
    layers = [keras.layers.LSTM(4, return_sequences=True), keras.layers.LSTM(3)]
    model = keras.Sequential([keras.Input((5, 3)), *layers])
    model.save_weights(tmp_path / "model.weights.h5")
    stack = keras.Sequential([keras.Input((5, 3)), Unrolled([4, 3])])
    stack.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(stack(X), model(X), atol=1e-6)


def test_weights_of_other_sizes_are_refused(tmp_path):
    keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)]).save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match="expected weights of shapes"):
        keras.Sequential([keras.Input((5, 3)), Unrolled(5)]).load_weights(tmp_path / "model.weights.h5")


def test_weights_are_not_taken_twice_beside_keras_layers(tmp_path):
    layers = [keras.layers.LSTM(3, return_sequences=True), keras.layers.LSTM(3)]
    keras.Sequential([keras.Input((5, 3)), *layers]).save_weights(tmp_path / "model.weights.h5")
    mixed = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(3, return_sequences=True), Unrolled(3)])
    with pytest.raises(ValueError, match="copy_from"):
        mixed.load_weights(tmp_path / "model.weights.h5")
