"""Weights of Keras's own layers in a file that a model with `Unrolled` loads.

Keras stores a layer of a list, as those of a model, under its class and a number: `layers/lstm_1/cell/vars/0`. A model
in which each LSTM has become an `Unrolled` looks for `layers/unrolled_1`. The n-th with an LSTM cell is the n-th LSTM.
"""

from typing import Any
from weakref import WeakKeyDictionary

import keras

from echo_rnn.keras_layer.errors import ArgumentError

_GROUPS = {keras.layers.LSTMCell: "lstm", keras.layers.GRUCell: "gru", keras.layers.SimpleRNNCell: "simple_rnn"}
_LAYERS = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)

# For each open file the layers that have been read, by the place in it and the kind.
_read: WeakKeyDictionary[Any, dict[tuple[str, str], int]] = WeakKeyDictionary()


def load_foreign(layer: Any, store: Any) -> bool:
    """Reads the weights of `layer` from where Keras's layers have them, if it has no place of its own in the file.

    Args:
        layer: An `Unrolled`.
        store: What Keras passes to `load_own_variables`.

    Returns:
        Whether it did.
    """
    path, file = getattr(store, "_h5_entry_path", None), getattr(store, "h5_file", None)
    if not path or file is None or path in file:
        return False
    parent, read = path.rpartition("/")[0], _read.setdefault(store, {})
    sources = []
    for cell in layer.cells:
        kind = _GROUPS.get(type(cell))
        if kind is None:
            return False
        number = read.get((parent, kind), 0)
        source = f"{parent}/{kind}{f'_{number}' if number else ''}/cell/vars".removeprefix("/")
        if source not in file:
            return False
        read[parent, kind] = number + 1
        sources.append(source)
    _refuse_beside_keras_layers(layer)
    for cell, source in zip(layer.cells, sources, strict=True):
        arrays = [file[source][str(index)][()] for index in range(len(file[source]))]
        got, expected = [array.shape for array in arrays], [tuple(weight.shape) for weight in cell.weights]
        if got != expected:
            raise ArgumentError(
                f"{layer.name}: expected weights of shapes {expected} at {source}, got {got}", "layer.weights"
            )
        cell.set_weights(arrays)
    return True


def _refuse_beside_keras_layers(layer: Any) -> None:
    """Where a model has both kinds of layers, numbers in the file would be taken twice."""
    seen, queue = set(), [layer]
    while queue:
        operation = queue.pop()
        if id(operation) in seen:
            continue
        seen.add(id(operation))
        if isinstance(operation, _LAYERS):
            raise ArgumentError(
                f"{layer.name}: expected a file written by this model, or by one in which Keras has every recurrent "
                f"layer, got one without it beside {operation.name}; load Keras's model and use copy_from",
                "layer.foreign_weights",
            )
        for node in operation._inbound_nodes:
            queue += [tensor._keras_history.operation for tensor in node.input_tensors]
        for node in operation._outbound_nodes:
            queue.append(node.operation)
