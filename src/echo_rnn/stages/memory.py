"""Refuses a training that cannot fit into memory before it starts: a system that runs out kills without a word."""

import psutil

from echo_rnn.config import network
from echo_rnn.core.shard_count import lanes_for
from echo_rnn.errors import UserError

_GATES = {"lstm": 4, "gru": 3, "rnn": 1, "custom": 0}  # of a cell of one's own nothing is known
_COPIES = 3  # of the weights: themselves, the last good ones and those that are looked at; gradients come on top
_BYTES = 4


def least_bytes(model: network.Model, inputs: int, rows: int, window: int, lanes: int = 1) -> int:
    """What a training step needs whatever the strategy: the weights, and outputs `[T, B, S]` with their gradient."""
    sizes = model.sizes
    weights = sum(
        _GATES[model.cell] * size * (below + size + 1) for below, size in zip((inputs, *sizes), sizes, strict=False)
    )
    return _BYTES * ((_COPIES + lanes_for(rows, lanes)) * weights + 2 * window * rows * sizes[-1])


def require_memory(model: network.Model, inputs: int, rows: int, window: int, lanes: int = 1) -> None:
    """Refuses what is sure not to fit; what is not refused may still be too much.

    Args:
        model: The network.
        inputs: Input features (I).
        rows: B.
        window: T.
        lanes: In how many programs at most the rows run beside each other, each with gradients of its own.

    Raises:
        UserError: The least that it needs is more than is available.
    """
    needed, available = least_bytes(model, inputs, rows, window, lanes), psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"model.units: expected a network that trains in the {available / 2**30:.1f} GiB of memory that are "
            f"available, got one that needs at least {needed / 2**30:,.1f} GiB; lower model.units, model.layers, "
            "task.batch_size or trainer.window"
        )
