"""Recurrent cells, one in a file: the equations, the gate order, the source."""

import tensorflow as tf

from echo_rnn.core.cell_table import Stack
from echo_rnn.core.cells.cell import Cell, CellWeights, ManualGradientCell, StackState, State
from echo_rnn.core.cells.gru import Gru
from echo_rnn.core.cells.lstm import Lstm
from echo_rnn.core.cells.rnn import Rnn

__all__ = ["Cell", "CellWeights", "Gru", "Lstm", "ManualGradientCell", "Rnn", "StackState", "State", "build_cells"]


def build_cells(stack: Stack) -> tuple[Cell, ...]:
    """The layers that `stack` describes, from the input upwards."""
    make, options = stack.kind.load(), dict(stack.options)
    if stack.precision != "float32":
        options["precision"] = tf.as_dtype(stack.precision)
    return tuple(make(units=units, **options) for units in stack.sizes)
