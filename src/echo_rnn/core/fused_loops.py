"""Which loops XLA makes one machine routine of, told without starting TensorFlow.

XLA makes one routine of a loop of which a turn touches fewer bytes than a limit, and else calls a routine for each
operation. Small networks spend most of their time in such calls. Within one routine no library is called for matrix
products, which costs more than the calls do from about 24 units on, and a tenfold from about 50.
"""

from collections.abc import Sequence

from echo_rnn.config.network import Checkpointed, KerasLayers, Partial, Simple, Strategy

XLA_BYTES = 0  # XLA's own limit
STEPS_BYTES = 100_000  # takes in loops over time steps
WINDOWS_BYTES = 400_000  # takes in loops over windows, too

_MOST_UNITS_OF_STEPS = 16
_MOST_UNITS_OF_WINDOWS = 8


def routine_bytes(sizes: Sequence[int], unroll: Strategy) -> int:
    """The limit for a network.

    A loop over windows whose time steps are written out would compile for minutes.

    Args:
        sizes: State units of each layer.
        unroll: The way through time.

    Returns:
        Bytes; `XLA_BYTES` for XLA's own limit.
    """
    match unroll:
        case Simple():
            written_out = unroll.name in ("static", "static_rnn")
        case KerasLayers():
            written_out = unroll.unroll
        case Partial() | Checkpointed():
            written_out = True
    if max(sizes) > _MOST_UNITS_OF_STEPS:
        return XLA_BYTES
    return WINDOWS_BYTES if max(sizes) <= _MOST_UNITS_OF_WINDOWS and not written_out else STEPS_BYTES
