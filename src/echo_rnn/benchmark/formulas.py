"""What a strategy stores for the backward pass and writes into the graph at a shape; see `echo_rnn.core.strategies`."""

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.core.cell_table import get_cell
from echo_rnn.core.strategies import get_strategy


def stored_bytes(shape: Shape, label: str) -> int:
    """Bytes that a training step stores for its backward pass.

    Raises:
        UserError: There is no such strategy.
    """
    unrolling = get_strategy(label)
    width = 2 if unrolling.strategy.stored_narrow and shape.precision == "bfloat16" else 4
    values = unrolling.stored(get_cell(shape.cell), shape.layers, shape.window)
    return values * shape.batch_size * shape.units * width


def written_out(shape: Shape, label: str) -> int:
    """Cells, one step of one layer each, that stand in the graph one by one; 0 where a loop runs them all."""
    return shape.layers * get_strategy(label).written_out(shape.window)
