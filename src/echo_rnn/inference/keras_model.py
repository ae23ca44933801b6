"""Exports a trained network to a Keras model of Keras's own layers, usable without this package."""

from typing import Any

import keras
import tensorflow as tf

from echo_rnn.core.cells.custom import Custom
from echo_rnn.core.model import Model, Weights
from echo_rnn.core.unroll.keras_layers import keras_layer


def to_keras(model: Model, weights: Weights) -> keras.Model:
    """A Keras model from series `[B, T, I]` of any length to class probabilities `[B, T, C]`, from a zero state.

    Keras puts the batch before time. Weights need no mapping: Keras has the same order, layout and gate order. Dropout
    is left out, as in every prediction.

    Args:
        model: The network.
        weights: Its weights, copied to the variables of the Keras model.
    """
    layers = []
    cells: tuple[Any, ...] = model.cells
    for index, cell in enumerate(cells):
        options = {"return_sequences": True, "name": f"layer_{index}"}
        own = isinstance(cell, Custom)
        layers.append(keras.layers.RNN(cell.make(), **options) if own else keras_layer(cell, **options))
    head = keras.layers.Dense(model.classes, activation="softmax", name="head")
    exported = keras.Sequential([keras.Input((None, model.inputs)), *layers, head], name="echo_rnn")
    for layer, trained in zip((*layers, head), (*weights.layers, weights.head), strict=True):
        for variable, tensor in zip(layer.trainable_variables, trained, strict=True):
            variable.assign(tf.cast(tensor, variable.dtype))
    return exported
