"""How a step is compiled, decided without TensorFlow: in which mode, in how many shards, with which fused loops.

XLA fuses a loop of which a turn touches fewer bytes than a limit, and else calls a routine for each operation. Small
networks spend most of their time in such calls. Within a fused loop no library is called for matrix products, which
costs more than the calls do from about 24 units on, and a tenfold from about 50.
"""

from collections.abc import Sequence
from typing import Literal

from echo_rnn.core.strategies import Unrolling

Compile = Literal["none", "graph", "xla"]
"""Not at all (eager), to a graph of TensorFlow, or by XLA."""

XLA_BYTES = 0  # XLA's own limit
STEPS_BYTES = 100_000  # loops over time steps are fused
WINDOWS_BYTES = 400_000  # loops over windows are fused, too

_MOST_UNITS_OF_STEPS = 16
_MOST_UNITS_OF_WINDOWS = 8


def fused_loop_bytes(sizes: Sequence[int], unrolling: Unrolling) -> int:
    """The limit for a network.

    A loop over windows in which time steps are written out would compile for minutes. No gain of
    the larger limit was measured for the nested loops of `checkpointed`, which needs T: it has the smaller one, too.

    Args:
        sizes: State units of each layer.
        unrolling: The strategy.

    Returns:
        Bytes; `XLA_BYTES` for XLA's own limit.
    """
    if max(sizes) > _MOST_UNITS_OF_STEPS:
        return XLA_BYTES
    return WINDOWS_BYTES if max(sizes) <= _MOST_UNITS_OF_WINDOWS and not unrolling.needs_steps else STEPS_BYTES


def shard_count(batch_size: int, most: int) -> int:
    """How many shards of a batch: at most `most`, equal ones where that costs no more than half of them."""
    most = min(most, batch_size)
    equal = max(shards for shards in range(1, most + 1) if batch_size % shards == 0)
    return equal if 2 * equal >= most else most
