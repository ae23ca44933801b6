"""Refuses a training that cannot fit into memory before it starts: a system that runs out kills without a word."""

import psutil

from echo_rnn.config import network
from echo_rnn.errors import UserError

_GATES = {"lstm": 4, "gru": 3, "rnn": 1, "custom": 0}  # of a cell of one's own nothing is known
_COPIES = 4  # of the weights: themselves, their gradients, the last good ones and those that are looked at
_BYTES = 4


def least_bytes(model: network.Model, inputs: int, rows: int, window: int) -> int:
    """What a training step needs whatever the strategy: the weights, and outputs `[T, B, S]` with their gradient."""
    sizes = model.sizes
    weights = sum(
        _GATES[model.cell] * size * (below + size + 1) for below, size in zip((inputs, *sizes), sizes, strict=False)
    )
    return _BYTES * (_COPIES * weights + 2 * window * rows * sizes[-1])


def require_memory(model: network.Model, inputs: int, rows: int, window: int) -> None:
    """Refuses what is sure not to fit; what is not refused may still be too much.

    Raises:
        UserError: The least that it needs is more than is available.
    """
    needed, available = least_bytes(model, inputs, rows, window), psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"model.units: expected a network that trains in the {available / 2**30:.1f} GiB of memory that are "
            f"available, got one that needs at least {needed / 2**30:,.1f} GiB; lower model.units, model.layers, "
            "task.rows or trainer.window"
        )
