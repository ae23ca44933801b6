"""A trained network as a Keras model of Keras's own layers, usable without this package, in raw units.

Keras puts the batch before time. Weights need no mapping: Keras has the same order, layout and gate order. Dropout is
left out, as in every prediction. Classes come as probabilities.
"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from echo_rnn.core.cells.custom import Custom
from echo_rnn.core.model import Model, Weights
from echo_rnn.core.unroll.keras_layers import keras_layer
from echo_rnn.tasks.ends import Ends

if TYPE_CHECKING:
    from echo_rnn.inference.trained import Trained


def to_keras(model: Model, weights: Weights, ends: Ends) -> keras.Model:
    """A model from series `[B, T, I]` of any length to `[B, T, K]` or `[B, T, C]`, from a zero state."""
    x = keras.Input((None, ends.inputs), name="x")
    layers = _layers(model, weights)
    y, _ = _through(layers, x, _head(model, weights, ends), ends)
    return keras.Model(x, y, name="echo_rnn")


def to_stateful_keras(trained: "Trained") -> keras.Model:
    """A model of one series, `[1, T, I]` at a time, that carries its state from call to call."""
    ends = trained.description.ends
    x = keras.Input(batch_shape=(1, None, ends.inputs), name="x")
    layers = _layers(trained.model, trained.weights, stateful=True)
    y, _ = _through(layers, x, _head(trained.model, trained.weights, ends), ends)
    return keras.Model(x, y, name="echo_rnn")


def to_keras_with_states(trained: "Trained", steps: int | None = None) -> keras.Model:
    """A model from `x` and the states before it to `y` and the states after it, as dicts.

    The states of the lowest layer are `h0_in` and `h0_out`, and of an LSTM `c0_in` and `c0_out`; see `state_names`.

    Args:
        trained: The network.
        steps: Time steps of a call, which are then written out one by one, for one series; `None` for any number, of
            any number of series.
    """
    ends, fixed = trained.description.ends, steps is not None
    batch = 1 if fixed else None
    x = keras.Input(batch_shape=(batch, steps, ends.inputs), name="x")
    names = state_names(trained.model)
    before = {
        name: keras.Input(batch_shape=(batch, int(part.shape[-1])), name=f"{name}_in")
        for layer, state in zip(names, trained.model.zero_state(1), strict=True)
        for name, part in zip(layer, state, strict=True)
    }
    layers = _layers(trained.model, trained.weights, return_state=True, unroll=fixed)
    states = [[before[name] for name in layer] for layer in names]
    y, after = _through(layers, x, _head(trained.model, trained.weights, ends), ends, states)
    inputs = {f"{name}_in": part for name, part in before.items()}
    outputs = {f"{name}_out": part for name, part in zip(before, itertools.chain(*after), strict=True)}
    return keras.Model({"x": x} | inputs, {"y": y} | outputs, name="echo_rnn")


def state_names(model: Model) -> list[list[str]]:
    """The names of the parts of each layer's state: `h0`; with a second part `c0`; with more `s0_0`, `s0_1`."""
    parts = [len(state) for state in model.zero_state(1)]
    return [
        [f"{kind}{index}" for kind in "hc"][:count] if count <= 2 else [f"s{index}_{part}" for part in range(count)]
        for index, count in enumerate(parts)
    ]


def _layers(model: Model, weights: Weights, **options: Any) -> list[keras.Layer]:
    """Keras's layers with the trained weights."""
    layers = []
    cells: Sequence[Any] = model.cells
    sizes = (model.inputs, *(cell.units for cell in cells))
    for index, (cell, inputs, trained) in enumerate(zip(cells, sizes, weights.layers, strict=False)):
        named = {"return_sequences": True, "name": f"layer_{index}", **options}
        own = isinstance(cell, Custom)
        layer = keras.layers.RNN(cell.make(), **named) if own else keras_layer(cell, **named)
        layer.build((1 if options.get("stateful") else None, None, inputs))
        _assign(layer, trained)
        layers.append(layer)
    return layers


def _head(model: Model, weights: Weights, ends: Ends) -> keras.Layer:
    head = keras.layers.Dense(ends.outputs, activation="softmax" if ends.kind == "classes" else None, name="head")
    head.build((None, None, model.cells[-1].units))
    _assign(head, weights.head)
    return head


def _assign(layer: keras.Layer, trained: Sequence[tf.Tensor]) -> None:
    for variable, tensor in zip(layer.trainable_variables, trained, strict=True):
        variable.assign(tf.cast(tensor, variable.dtype))


def _through(
    layers: Sequence[keras.Layer],
    x: Any,
    head: keras.Layer,
    ends: Ends,
    states: Sequence[Sequence[Any]] | None = None,
) -> tuple[Any, list[list[Any]]]:
    """The outputs in raw units, and the states after them where those before are given."""
    scaling, after = ends.scaling, []
    if not scaling.is_identity:
        x = keras.layers.Normalization(
            mean=scaling.input_offset_I, variance=scaling.input_scale_I**2, name="scale_inputs"
        )(x)
    h = x
    for index, layer in enumerate(layers):
        if states is None:
            h = layer(h)
        else:
            h, *state = layer(h, initial_state=list(states[index]))
            after.append(state)
    y = head(h)
    if ends.residual:
        y = keras.layers.Add(name="residual")([y, keras.ops.take(x, list(ends.residual_inputs), axis=-1)])
    if ends.kind == "real" and not scaling.is_identity:
        scale, offset = (list(map(float, part)) for part in (scaling.target_scale_K, scaling.target_offset_K))
        y = keras.layers.Rescaling(scale, offset, name="unscale_targets")(y)
    return y, after
