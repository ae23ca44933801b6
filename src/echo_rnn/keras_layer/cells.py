"""Keras's cells as cells of this package, and which of them run under which strategy."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from echo_rnn.core.cells import Cell, CellWeights, Gru, Lstm, Rnn
from echo_rnn.core.cells.custom import Custom
from echo_rnn.core.errors import UserError
from echo_rnn.core.strategies import Unrolling, refusal

_NAMES = {Lstm: "lstm", Gru: "gru", Rnn: "rnn", Custom: "custom"}
_KINDS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell, "rnn": keras.layers.SimpleRNNCell}


def listed(value: Any) -> list[Any]:
    """One thing or several, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def keras_cells(layers: Any, kind: str, dtype: Any, options: dict[str, Any]) -> list[Any]:
    """A Keras cell for each layer."""
    given = listed(layers)
    if all(isinstance(each, int) for each in given) and given:
        if kind not in _KINDS:
            expected = f"one of {', '.join(_KINDS)}, or Keras cells as layers"
            raise UserError(f"cell: expected {expected}, got {kind!r}", "layer.unknown_cell")
        return [_KINDS[kind](units, dtype=dtype, **options) for units in given]
    cells = [cell for each in given for cell in getattr(each, "cells", [each])]
    if not cells or options:
        expected = "units, or Keras cells without further options"
        raise UserError(f"layers: expected {expected}, got {layers!r} and {options}", "layer.no_cells")
    return cells


def own_stack(cells: Sequence[Any], compute_dtype: str) -> tuple[tuple[Cell | Custom, ...], tf.DType]:
    """The cells of this package that compute what Keras cells compute, and the dtype of inputs and state."""
    narrow = tf.as_dtype(compute_dtype) if compute_dtype in ("bfloat16", "float16") else None
    stack = tuple(_own_cell(cell, narrow) for cell in cells)
    if not any(isinstance(cell, Custom) for cell in stack):
        return stack, tf.float32 if narrow else tf.as_dtype(compute_dtype)
    # A cell of unknown arithmetic computes in the narrow dtype, and then all cells do.
    return tuple(_own_cell(cell, None) for cell in cells), tf.as_dtype(compute_dtype)


def _own_cell(cell: Any, precision: tf.DType | None) -> Cell | Custom:
    usual = getattr(cell, "activation", None) is keras.activations.tanh
    usual = usual and getattr(cell, "recurrent_activation", None) in (None, keras.activations.sigmoid)
    kind = type(cell) if usual else None
    if kind is keras.layers.LSTMCell:
        return Lstm(cell.units, precision, forget_bias=float(cell.unit_forget_bias))
    if kind is keras.layers.GRUCell:
        return Gru(cell.units, precision, reset_after=cell.reset_after)
    if kind is keras.layers.SimpleRNNCell:
        return Rnn(cell.units, precision)
    return Custom(type(cell).__name__, lambda: cell, "layers")


def refuse(unrolling: Unrolling, cells: Sequence[Any], stack: Sequence[Cell | Custom], dtype: str) -> None:
    """Raises where these cannot be combined, or a cell draws random numbers inside the loop."""
    for cell, own in zip(cells, stack, strict=True):
        drawn = getattr(cell, "recurrent_dropout", 0.0)
        if isinstance(own, Custom):
            # Keras's own cells always have a generator, even if they do not use it.
            drawn = getattr(cell, "dropout", len(getattr(cell, "variables", ())) > len(getattr(cell, "weights", ())))
        if drawn:
            raise UserError(
                f"layers: expected cells that draw no random numbers inside the loop, got {type(cell).__name__}; "
                "dropout= of LSTM, GRU and simple cells, on the inputs of each layer, is supported",
                "layer.random_cell",
            )
    names = {"cell": "layers", "precision": "dtype", "compile": "jit_compile"}
    kinds = {(type(own), getattr(own, "reset_after", None)) for own in stack}
    of = [_NAMES[type(own)] for own in stack]
    expected = refusal(unrolling, of, dtype, "none", uniform=len(kinds) == 1, names=names)
    if expected is not None:
        of = [own.path if isinstance(own, Custom) else name for own, name in zip(stack, of, strict=True)]
        raise UserError(f"unroll: expected {expected}, got {unrolling.label!r} for {', '.join(of)}", "strategy.refused")


def weights_of(cell: Any, own: Cell | Custom, dtype: tf.DType) -> Any:
    """The weights of a Keras cell as `own`, the cell of this package for it, takes them."""
    if isinstance(own, Custom):  # there are none of one that is frozen
        return tuple(tf.convert_to_tensor(weight.value) for weight in getattr(cell, "trainable_variables", ()))
    kernel_IG, recurrent_SG = (tf.cast(weight, dtype) for weight in (cell.kernel, cell.recurrent_kernel))
    if cell.bias is not None:
        return CellWeights(kernel_IG, recurrent_SG, tf.cast(cell.bias, dtype))
    shape = (2, kernel_IG.shape[1]) if getattr(cell, "reset_after", False) else (kernel_IG.shape[1],)
    return CellWeights(kernel_IG, recurrent_SG, tf.zeros(shape, dtype))


def state_sizes(cell: Any) -> list[int]:
    """The width of each part of a cell's state."""
    return [int(part.shape[-1]) for part in cell.zero_state(1, tf.float32)]
