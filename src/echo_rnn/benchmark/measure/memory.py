"""How much memory measuring a shape will need, estimated before it starts.

The constants were measured on a server.
"""

from collections.abc import Sequence

import psutil

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.measure.shape import Shape, stored_bytes, written_out
from echo_rnn.core.compilation import shard_count
from echo_rnn.errors import UserError

_PROCESS = 700 * 2**20  # TensorFlow
_PROGRAM = 40 * 2**20
_CELL = {"none": 0, "graph": 1.2 * 2**20, "xla": 3 * 2**20}  # for each cell in the graph
_DATA = 2 * 2**24


def expected_bytes(shape: Shape, labels: Sequence[str]) -> int:
    """How much memory one process will need that times these strategies, the reference and its A/A control."""
    slots = [REFERENCE, REFERENCE, *(label for label in labels if label != REFERENCE)]
    window = 4 * shape.window * shape.batch_size * (shape.inputs + 4 * shape.units)
    graphs = sum(_PROGRAM + _CELL[shape.compile] * written_out(shape, label) for label in slots)
    activations = max(stored_bytes(shape, label) for label in slots)
    # Each program has weights and sums of squares; a step's gradients and the copies that are compared come on top.
    copies = 2 * len(slots) + 7 + shard_count(shape.batch_size, shape.shards)
    return int(_PROCESS + _DATA + graphs + 4 * shape.matrix_weights * copies + 3 * window + 1.5 * activations)


def fit_together(shapes: Sequence[Shape], labels: Sequence[str], count: int) -> bool:
    """Whether there is memory for the processes of the `count` largest shapes at once."""
    largest = sorted(expected_bytes(shape, labels) for shape in shapes)[-count:]
    return sum(largest) <= psutil.virtual_memory().available


def require_memory(shape: Shape, labels: Sequence[str]) -> None:
    """Refuses what cannot fit before it starts.

    Raises:
        UserError: The estimate is larger than what is available.
    """
    needed, available = expected_bytes(shape, labels), psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"benchmark of {shape.key}: expected a shape that fits into the {available / 2**30:.1f} GiB of memory "
            f"that are available, got one that needs about {needed / 2**30:.1f} GiB; lower its batch_size, window, "
            "units or layers, or exclude strategies that write out every step",
            "benchmark.too_large",
        )
