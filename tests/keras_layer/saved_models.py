"""Models for the laws of saving; run as a program it loads what was saved and prints the outputs that differ."""

import copy
import pickle
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.keras_layer import Unrolled

STEPS, FEATURES = 5, 3
X = np.linspace(-1, 1, 2 * STEPS * FEATURES, dtype=np.float32).reshape(2, STEPS, FEATURES)


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.first = Unrolled([4, 3], unroll="wavefront", return_sequences=True)
        self.second = Unrolled(3, "gru", unroll="deferred")

    def call(self, x):
        return self.second(self.first(x))


def sequential(*layers):
    return keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])


def subclassed():
    model = Subclassed()
    model(X)
    return model


def compiled():
    """A stack with options of layers and of cells, which is trained before it is saved."""
    cells = [keras.layers.GRUCell(4, reset_after=False, use_bias=False), keras.layers.GRUCell(4, reset_after=False)]
    model = sequential(
        Unrolled([5, 4], "gru", unroll="wavefront", return_sequences=True, dropout=0.5),
        Unrolled(cells, unroll="partial3", return_sequences=True, go_backwards=True),
        Unrolled(keras.layers.LSTMCell(3, activation="relu"), unroll="checkpointed"),
    )
    model.compile("adam", "mse", run_eagerly=True)
    model.optimizer.build(model.trainable_variables)
    return model


# Each gives a fresh model with fresh weights.
MODELS = {
    "layer": lambda: sequential(Unrolled(4)),
    "stack": lambda: sequential(Unrolled([4, 3], "gru", unroll="wavefront"), keras.layers.Dense(2)),
    "bidirectional": lambda: sequential(keras.layers.Bidirectional(Unrolled([4, 3], unroll="deferred"))),
    "cells": lambda: sequential(Unrolled([keras.layers.LSTMCell(4, activation="gelu"), keras.layers.GRUCell(3)])),
    "subclassed": subclassed,
    "compiled": compiled,
}


def save(model, folder):
    """Saves in every way that Keras and TensorFlow have; returns the outputs of copies within a process."""
    folder.mkdir()
    if model.compiled:
        model.fit(X, X[:, 0], verbose=0)  # the optimizer has a state, which is saved too
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    tf.train.Checkpoint(model=model).write(str(folder / "checkpoint"))
    tf.train.CheckpointManager(tf.train.Checkpoint(model), folder / "manager", max_to_keep=1).save()
    # Each kind of model by one of the two ways to the format that takes long, Keras's and TensorFlow's own.
    if list(MODELS).index(folder.name) % 2:
        model.export(folder / "export", verbose=False)
    else:
        tf.saved_model.save(model, folder / "saved_model")
    (folder / "pickle").write_bytes(pickle.dumps(model))
    if not isinstance(model, Subclassed):
        (folder / "model.json").write_text(model.to_json())
    np.save(folder / "expected.npy", model(X))
    loaded = {"deepcopy": copy.deepcopy(model)}
    if not isinstance(model, Subclassed):
        loaded["clone"] = keras.models.clone_model(model)
        loaded["clone"].set_weights(model.get_weights())
    return {way: np.asarray(each(X)) for way, each in loaded.items()}


def load(fresh, folder):
    """The outputs of what was saved, by the way that it was saved."""
    found = {"keras": keras.models.load_model(folder / "model.keras")(X)}
    found["pickle"] = pickle.loads((folder / "pickle").read_bytes())(X)
    for way, restore in {
        "weights": lambda model: model.load_weights(folder / "model.weights.h5"),
        "keras weights": lambda model: model.load_weights(folder / "model.keras"),
        "checkpoint": lambda model: (
            tf.train.Checkpoint(model=model).read(str(folder / "checkpoint")).assert_existing_objects_matched()
        ),
        "manager": lambda model: (
            tf.train.Checkpoint(model).restore(tf.train.latest_checkpoint(folder / "manager")).assert_consumed()
        ),
    }.items():
        model = fresh()
        restore(model)
        found[way] = model(X)
    way = "export" if (folder / "export").exists() else "saved_model"
    saved = tf.saved_model.load(folder / way)  # what is loaded lives as long as this
    found[way] = (saved.serve if way == "export" else saved.signatures["serving_default"])(tf.constant(X))
    if (folder / "model.json").exists():
        found["json"] = keras.models.model_from_json((folder / "model.json").read_text())
        found["json"].load_weights(folder / "model.weights.h5")
        found["json"] = found["json"](X)
    return {way: np.asarray(tf.nest.flatten(output)[0]) for way, output in found.items()}


if __name__ == "__main__":
    for name, fresh in MODELS.items():
        place = Path(sys.argv[1]) / name
        wanted = np.load(place / "expected.npy")
        for way, output in load(fresh, place).items():
            print(name, way, np.abs(output - wanted).max())
