"""Keras's cells as cells of this package, and which of them run under which strategy."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from echo_rnn.config.network import WHOLE_STEPS
from echo_rnn.core.cells import Cell, CellWeights, Gru, Lstm, Rnn
from echo_rnn.core.cells.custom import Custom
from echo_rnn.errors import UserError

_KINDS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell, "rnn": keras.layers.SimpleRNNCell}


def listed(value: Any) -> list[Any]:
    """One thing or several, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def keras_cells(layers: Any, kind: str, dtype: Any, options: dict[str, Any]) -> list[Any]:
    """A Keras cell for each layer."""
    given = listed(layers)
    if all(isinstance(each, int) for each in given) and given:
        if kind not in _KINDS:
            raise UserError(f"cell: expected one of {', '.join(_KINDS)}, or Keras cells as layers, got {kind!r}")
        return [_KINDS[kind](units, dtype=dtype, **options) for units in given]
    cells = [cell for each in given for cell in getattr(each, "cells", [each])]
    if not cells or options:
        raise UserError(f"layers: expected units, or Keras cells without further options, got {layers!r} and {options}")
    return cells


def own_cell(cell: Any, precision: tf.DType | None) -> Cell | Custom:
    """The cell of this package that computes what a Keras cell computes."""
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


def refuse(unroll: str, cells: Sequence[Cell | Custom], dtype: str) -> None:
    """Raises where these cannot be combined."""
    name = unroll.rstrip("0123456789")
    unknown = [cell for cell in cells if isinstance(cell, Custom)]
    if unknown and name not in WHOLE_STEPS:
        expected = f"one of {', '.join(WHOLE_STEPS)} for a cell of whose arithmetic nothing is known"
        raise UserError(f"unroll: expected {expected}, {unknown[0].path}, got {unroll!r}")
    if name.startswith("wavefront") and len({(type(cell), getattr(cell, "reset_after", None)) for cell in cells}) > 1:
        raise UserError(f"unroll: expected cells of one kind for {unroll!r}, got {cells}; deferred takes several kinds")
    if name == "block" and not (all(isinstance(cell, Lstm) for cell in cells) and dtype == "float32"):
        raise UserError(
            "unroll: expected any strategy but block, a kernel for LSTM layers in float32, for "
            f"{type(cells[0]).__name__} in {dtype}, got 'block'; deferred is the nearest"
        )


def refuse_drawing(cell: Any) -> None:
    """Raises where a cell draws random numbers inside the loop."""
    drawn = getattr(cell, "recurrent_dropout", 0.0)
    if isinstance(own_cell(cell, None), Custom):
        # Keras's own cells have a generator whether they use it or not.
        drawn = getattr(cell, "dropout", len(getattr(cell, "variables", ())) > len(getattr(cell, "weights", ())))
    if drawn:
        raise UserError(
            f"layers: expected cells that draw nothing at random inside the loop, got {type(cell).__name__}; "
            "dropout= of LSTM, GRU and simple cells, on the inputs of each layer, is supported"
        )


def own_weights(cell: Any, dtype: tf.DType) -> CellWeights:
    """The weights of one of Keras's own cells."""
    kernel_IG, recurrent_SG = (tf.cast(weight, dtype) for weight in (cell.kernel, cell.recurrent_kernel))
    if cell.bias is not None:
        return CellWeights(kernel_IG, recurrent_SG, tf.cast(cell.bias, dtype))
    shape = (2, kernel_IG.shape[1]) if getattr(cell, "reset_after", False) else (kernel_IG.shape[1],)
    return CellWeights(kernel_IG, recurrent_SG, tf.zeros(shape, dtype))


def custom_weights(cell: Any) -> tuple[tf.Tensor, ...]:
    """The weights of any other cell; one that is frozen keeps them to itself."""
    return tuple(tf.convert_to_tensor(weight.value) for weight in getattr(cell, "trainable_variables", ()))


def state_sizes(cell: Any) -> list[int]:
    """The width of each part of a cell's state."""
    return [int(part.shape[-1]) for part in cell.zero_state(1, tf.float32)]
