"""Weights of Keras's own layers in a file that a model with `Unrolled` loads.

Keras stores a layer of a list, as those of a model, under its class and a number: `layers/lstm_1/cell/vars/0`. A model
in which each LSTM has become an `Unrolled` looks for `layers/unrolled_1`. The n-th with an LSTM cell is the n-th LSTM.
"""

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import keras

from echo_rnn.keras_layer.errors import ArgumentError

_GROUPS = {keras.layers.LSTMCell: "lstm", keras.layers.GRUCell: "gru", keras.layers.SimpleRNNCell: "simple_rnn"}
_LAYERS = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)


@dataclass
class _Progress:
    """What has been done with an open file.

    Attributes:
        read: How many layers of a place and a kind were read.
        refused: The error of a layer, which Keras asks again under other paths and would forget.
    """

    read: dict[tuple[str, str], int] = field(default_factory=dict)
    refused: dict[int, ArgumentError] = field(default_factory=dict)


_progress: WeakKeyDictionary[Any, _Progress] = WeakKeyDictionary()


def load_foreign(layer: Any, store: Any) -> bool:
    """Reads the weights of `layer` from where Keras's layers have them, if it has no place of its own in the file.

    Args:
        layer: An `Unrolled`.
        store: What Keras passes to `load_own_variables`.

    Returns:
        Whether it did.
    """
    path, file = getattr(store, "_h5_entry_path", None), getattr(store, "h5_file", None)
    progress = _progress.setdefault(store, _Progress())
    if id(layer) in progress.refused:
        raise progress.refused[id(layer)]
    if not path or file is None or path in file:
        return False
    sources = _sources(layer.cells, path.rpartition("/")[0], file, progress.read)
    if not sources:
        return False
    try:
        _refuse_beside_keras_layers(layer)
        for cell, source in zip(layer.cells, sources, strict=True):
            _set_weights(layer.name, cell, file[source], source)
    except ArgumentError as error:
        progress.refused[id(layer)] = error
        raise
    return True


def _sources(cells: list[Any], parent: str, file: Any, read: dict[tuple[str, str], int]) -> list[str]:
    """Where the weights of cells are in a file, or nothing if one has no place in it."""
    sources, after = [], dict(read)
    for cell in cells:
        kind = _GROUPS.get(type(cell), "")
        number = after.get((parent, kind), 0)
        source = f"{parent}/{kind}{f'_{number}' if number else ''}/cell/vars".removeprefix("/")
        if not kind or source not in file:
            return []
        after[parent, kind] = number + 1
        sources.append(source)
    read.update(after)
    return sources


def _set_weights(name: str, cell: Any, group: Any, source: str) -> None:
    arrays = [group[str(index)][()] for index in range(len(group))]
    got, expected = [array.shape for array in arrays], [tuple(weight.shape) for weight in cell.weights]
    if got != expected:
        raise ArgumentError(f"{name}: expected weights of shapes {expected} at {source}, got {got}", "layer.weights")
    cell.set_weights(arrays)


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
