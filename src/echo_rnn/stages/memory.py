"""Refuses a training that cannot fit into memory before it starts: a system that runs out kills without a word."""

import psutil

from echo_rnn.core.cell_table import Stack
from echo_rnn.core.compilation import shard_count
from echo_rnn.errors import UserError

_COPIES = 3  # of the weights: themselves, the last good ones and those that are checked; gradients come on top
_BYTES = 4


def least_bytes(stack: Stack, inputs: int, batch_size: int, window: int, shards: int = 1) -> int:
    """What a training step needs whatever the strategy: the weights, and outputs `[T, B, S]` with their gradient."""
    sizes = stack.sizes
    weights = sum(
        stack.kind.gates * size * (below + size + 1) for below, size in zip((inputs, *sizes), sizes, strict=False)
    )
    copies = _COPIES + shard_count(batch_size, shards)
    return _BYTES * (copies * weights + 2 * window * batch_size * sizes[-1])


def require_memory(stack: Stack, inputs: int, batch_size: int, window: int, shards: int = 1) -> None:
    """Refuses what is sure not to fit; what is not refused may still be too much.

    Args:
        stack: The layers.
        inputs: Input features (I).
        batch_size: B.
        window: T.
        shards: Into how many parts the batch is split at most, each with gradients of its own.

    Raises:
        UserError: The least that it needs is more than is available.
    """
    needed, available = least_bytes(stack, inputs, batch_size, window, shards), psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"model.units: expected a network that trains in the {available / 2**30:.1f} GiB of memory that are "
            f"available, got one that needs at least {needed / 2**30:,.1f} GiB; lower model.units, model.layers, "
            "task.batch_size or trainer.window",
            "memory.too_little",
        )
