"""Recurrent cells, one in a file: the equations, the gate order, the source."""

from typing import cast

import tensorflow as tf

from echo_rnn.config import network
from echo_rnn.core.cells.cell import Cell, CellWeights, ManualGradientCell, StackState, State
from echo_rnn.core.cells.custom import build_custom
from echo_rnn.core.cells.gru import Gru
from echo_rnn.core.cells.lstm import Lstm
from echo_rnn.core.cells.rnn import Rnn

__all__ = ["Cell", "CellWeights", "Gru", "Lstm", "ManualGradientCell", "Rnn", "StackState", "State", "build_cells"]


def build_cells(model: network.Model) -> tuple[Cell, ...]:
    """The layers that the configuration describes, from the input upwards."""
    precision = None if model.precision == "float32" else tf.as_dtype(model.precision)
    match model:
        case network.Lstm():
            return tuple(Lstm(units, precision, forget_bias=model.forget_bias) for units in model.sizes)
        case network.Gru():
            return tuple(Gru(units, precision, reset_after=model.reset_after) for units in model.sizes)
        case network.Rnn():
            return tuple(Rnn(units, precision) for units in model.sizes)
        case network.Custom():
            # Only the strategies that leave the weights to the cell take it: its weights are a plain tuple.
            return tuple(
                cast("Cell", build_custom(units, None, path=model.path, options=model.options)) for units in model.sizes
            )
