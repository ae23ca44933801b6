"""What holds of a strategy at a shape, by the table of strategies and without starting TensorFlow.

Whether it can be measured, what it stores for the backward pass, and what it writes into the graph.
"""

from collections.abc import Sequence

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.core.cell_table import Stack, get_cell, known_cells
from echo_rnn.core.strategies import get_strategy
from echo_rnn.core.strategies import refusal as strategy_refusal
from echo_rnn.errors import UserError


def stack_of(shape: Shape) -> Stack:
    """The layers of a shape, with the usual options of their cell."""
    kind = get_cell(shape.cell)
    return Stack(kind, (shape.units,) * shape.layers, shape.precision, kind.defaults)


def refusal(shape: Shape, label: str) -> str | None:
    """Why a strategy cannot be measured at a shape, with what to use instead, or `None` where it can.

    Raises:
        UserError: There is no such strategy, or the cell is not one that strategies are compared with.
    """
    if shape.cell not in known_cells():
        expected = f"one of {', '.join(known_cells())} for a benchmark"
        raise UserError(f"model.cell: expected {expected}, got {shape.cell!r}", "benchmark.unknown_cell")
    return strategy_refusal(get_strategy(label), [shape.cell], shape.precision, shape.compile)


def require_strategies(shape: Shape, labels: Sequence[str]) -> None:
    """Accepts only strategies that can be measured at a shape.

    Raises:
        UserError: One cannot, is unknown, or is listed twice.
    """
    for label in labels:
        expected = refusal(shape, label)
        if expected is not None:
            raise UserError(
                f"benchmark strategies: expected {expected}, got {label!r} for {shape.key}", "strategy.refused"
            )
    twice = [label for index, label in enumerate(labels) if label in labels[:index]]
    if twice:
        raise UserError(
            f"benchmark strategies: expected each one once, got {twice[0]!r} twice", "benchmark.repeated_strategy"
        )


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
