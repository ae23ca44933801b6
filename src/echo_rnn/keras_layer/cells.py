"""The Keras cells of a layer, the cells of this package that compute the same, and what runs under which strategy."""

import inspect
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.core.cells import Cell, CellWeights, Gru, Lstm, Rnn
from echo_rnn.core.cells.activation import ACTIVATIONS, Activation
from echo_rnn.core.cells.standard import StandardCell
from echo_rnn.core.strategies import STRATEGIES, Unrolling, refusal
from echo_rnn.keras_layer.errors import ArgumentError
from echo_rnn.keras_layer.whole import Whole

NAMES = {Lstm: "lstm", Gru: "gru", Rnn: "rnn", Whole: "custom"}
_ACTIVATIONS = [(getattr(keras.activations, name), own) for name, own in ACTIVATIONS.items()]
_KINDS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell, "rnn": keras.layers.SimpleRNNCell}


def listed(value: Any) -> list[Any]:
    """One thing or several, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def split_options(kind: Any, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of Keras's cells of a kind, and those of Keras's layer."""
    named = {"implementation"}
    if isinstance(kind, str) and kind in _KINDS:
        named |= set(inspect.signature(_KINDS[kind].__init__).parameters) - {"self", "kwargs"}
    of_cell = {name: value for name, value in options.items() if name in named}
    return of_cell, {name: value for name, value in options.items() if name not in named}


def keras_cells(given: Any, kind: str, options: dict[str, Any], shared: dict[str, Any]) -> list[Any]:
    """A Keras cell for each layer.

    Args:
        given: Units of one layer, or a list with those of each, or cells.
        kind: `lstm`, `gru` or `rnn`, where units are given.
        options: Of the cells, where units are given.
        shared: `dtype` and `trainable`, where units are given.
    """
    each = listed(given)
    if each and all(isinstance(one, Integral) and not isinstance(one, bool) for one in each):
        if kind not in _KINDS:
            expected = f"one of {', '.join(_KINDS)}, or Keras cells as layers"
            raise ArgumentError(f"cell: expected {expected}, got {kind!r}", "layer.unknown_cell")
        names = [f"{kind}_cell" + (f"_{index}" if index else "") for index in range(len(each))]
        return [
            _KINDS[kind](int(units), name=name, **shared, **_of_layer(options, index))
            for index, (units, name) in enumerate(zip(each, names, strict=True))
        ]
    cells = [cell for one in each for cell in (one.cells if _is_stack(one) else [one])]
    if not cells or options:
        expected = "units, or Keras cells without further options"
        raise ArgumentError(f"layers: expected {expected}, got {given!r} and {options}", "layer.no_cells")
    for cell in cells:
        missing = [name for name in ("state_size", "call") if not hasattr(cell, name)]
        if missing:
            raise ArgumentError(
                f"layers: expected units, or cells with state_size and call(inputs, states), got {cell!r} without "
                f"{', '.join(missing)}",
                "cell.no_protocol",
            )
    return cells


def _is_stack(cell: Any) -> bool:
    """Whether it is Keras's own stack; one that is derived from it may compute something else."""
    return type(cell) is keras.layers.StackedRNNCells


def _of_layer(options: dict[str, Any], index: int) -> dict[str, Any]:
    """The options of one layer of a stack: an initializer or a seed that all layers share would give all the same."""
    if index == 0:
        return options
    return {
        name: _another_initializer(value, index)
        if name.endswith("_initializer")
        else _another_seed(value, index)
        if name == "seed"
        else value
        for name, value in options.items()
    }


def _another_initializer(value: Any, index: int) -> Any:
    initializer = keras.initializers.get(value) if isinstance(value, dict) else value
    if not isinstance(initializer, keras.initializers.Initializer):
        return value
    config = initializer.get_config()
    if isinstance(config.get("seed"), dict):  # a generator, which draws anew each time
        return initializer
    if "seed" in config:
        config = {**config, "seed": _another_seed(config["seed"], index)}
    return type(initializer).from_config(config)


def _another_seed(seed: Any, index: int) -> Any:
    if not isinstance(seed, Integral):
        return seed
    return int(np.random.SeedSequence([int(seed) % 2**32, index]).generate_state(1)[0] >> 1)


def own_stack(cells: Sequence[Any], compute_dtype: str) -> tuple[tuple[Cell | Whole, ...], tf.DType]:
    """The cells of this package that compute what Keras cells compute, and the dtype of inputs and state."""
    narrow = tf.as_dtype(compute_dtype) if compute_dtype in ("bfloat16", "float16") else None
    stack = tuple(_own_cell(cell, narrow) for cell in cells)
    if not any(isinstance(cell, Whole) for cell in stack):
        return stack, tf.float32 if narrow else tf.as_dtype(compute_dtype)
    # A cell of unknown arithmetic computes in its own dtype, and then all cells do.
    dtypes = {getattr(cell, "compute_dtype", compute_dtype) for cell in cells}
    return tuple(_own_cell(cell, None) for cell in cells), tf.as_dtype(
        dtypes.pop() if len(dtypes) == 1 else compute_dtype
    )


def _own_cell(cell: Any, precision: tf.DType | None) -> Cell | Whole:
    if run_whole_because(cell) is not None:
        return Whole(cell)
    activation = _own_activation(cell.activation)
    assert activation is not None
    if isinstance(cell, keras.layers.SimpleRNNCell):
        return Rnn(cell.units, precision, activation=activation)
    recurrent = _own_activation(cell.recurrent_activation)
    assert recurrent is not None
    shared: dict[str, Any] = {"activation": activation, "recurrent_activation": recurrent}
    if isinstance(cell, keras.layers.GRUCell):
        return Gru(cell.units, precision, reset_after=cell.reset_after, **shared)
    return Lstm(cell.units, precision, forget_bias=float(cell.unit_forget_bias), **shared)


def _own_activation(function: Any) -> Activation | None:
    """The activation of this package that is a function of Keras, or `None`."""
    return next((own for each, own in _ACTIVATIONS if each is function), None)


def run_whole_because(cell: Any) -> str | None:
    """What of a cell asks for its own code at each step, or `None` where a cell of this package computes the same."""
    name = type(cell).__name__
    if type(cell) not in _KINDS.values():
        return f"{name}, a cell of unknown arithmetic"
    for part in ("activation", "recurrent_activation"):
        if hasattr(cell, part) and _own_activation(getattr(cell, part)) is None:
            return f"{name} with the {part} {_name(getattr(cell, part))}"
    if cell.recurrent_dropout:
        return f"{name} with recurrent_dropout"
    if cell.dropout and getattr(cell, "dropout_mask_count", None):
        return f"{name} with dropout and implementation=1"
    return None


def _name(activation: Any) -> str:
    return getattr(activation, "__name__", type(activation).__name__)


def refuse(unrolling: Unrolling, cells: Sequence[Any], stack: Sequence[Cell | Whole], dtype: str) -> None:
    """Raises where a strategy cannot run these cells."""
    whole = next((reason for cell in cells if (reason := run_whole_because(cell)) is not None), None)
    if whole is not None and not unrolling.strategy.any_cell:
        able = ", ".join(each.name for each in STRATEGIES.values() if each.any_cell)
        raise ArgumentError(f"unroll: expected for {whole}, one of {able}, got {unrolling.label!r}", "strategy.refused")
    names = {"cell": "layers", "activation": "activation", "precision": "dtype", "compile": "jit_compile"}
    facts = ("reset_after", "activation", "recurrent_activation")
    kinds = {(type(own), *(getattr(own, fact, None) for fact in facts)) for own in stack}
    of = [NAMES[type(own)] for own in stack]
    unusual = [own for own in stack if isinstance(own, StandardCell) and not own.usual]
    activation = f"{unusual[0].activation.name} and {unusual[0].recurrent_activation.name}" if unusual else None
    expected = refusal(unrolling, of, dtype, "none", uniform=len(kinds) == 1, activation=activation, names=names)
    if expected is not None:
        raise ArgumentError(
            f"unroll: expected {expected}, got {unrolling.label!r} for {', '.join(of)}", "strategy.refused"
        )


def weights_of(cell: Any, own: Cell | Whole, dtype: tf.DType) -> Any:
    """The weights of a Keras cell as `own`, the cell of this package for it, takes them."""
    if isinstance(own, Whole):  # there are none of one that is frozen
        return tuple(tf.convert_to_tensor(weight.value) for weight in getattr(cell, "trainable_variables", ()))
    kernel_IG, recurrent_SG = (tf.cast(weight, dtype) for weight in (cell.kernel, cell.recurrent_kernel))
    if cell.bias is not None:
        return CellWeights(kernel_IG, recurrent_SG, tf.cast(cell.bias, dtype))
    shape = (2, kernel_IG.shape[1]) if getattr(cell, "reset_after", False) else (kernel_IG.shape[1],)
    return CellWeights(kernel_IG, recurrent_SG, tf.zeros(shape, dtype))
