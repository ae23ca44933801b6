"""What measuring a shape will need, estimated before it starts: time, within a factor of three or so, and memory.

The constants were measured on two cores of a server; where a machine differs, all shapes differ alike.
"""

from collections.abc import Sequence

import psutil

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.strategies import stored_bytes, written_out
from echo_rnn.benchmark.measure.timing import LEAST_ROUNDS
from echo_rnn.core.cell_table import get_cell
from echo_rnn.core.compilation import shard_count
from echo_rnn.errors import UserError

# Seconds.
_START = 6.0  # TensorFlow, first costs, the machine's own matrix product
_PREPARE = {"none": 0.1, "graph": 0.8, "xla": 4.0}  # a loop, trained and forward
_WRITTEN_OUT = {"none": 0.0, "graph": 0.04, "xla": 0.05}  # for each cell in the graph
_XLA_PAIR = 0.004  # XLA's time grows with the square of a graph without loops
# Forward, backward and update, without the products.
_CELL_IN_LOOP = {"none": 2e-3, "graph": 40e-6, "xla": 30e-6}
_CELL_WRITTEN_OUT = {"none": 2e-3, "graph": 15e-6, "xla": 60e-6}
_FORWARD = 0.3  # of a training step
_FLOPS_PER_THREAD = 25e9
_WARMUP_CALLS = 8
_PARITY_STEPS = 6

# Bytes.
_PROCESS = 700 * 2**20  # TensorFlow
_PROGRAM = 40 * 2**20
_CELL = {"none": 0, "graph": 1.2 * 2**20, "xla": 3 * 2**20}  # for each cell in the graph
_DATA = 2 * 2**24


def expected_seconds(
    shape: Shape,
    labels: Sequence[str],
    rounds: int,
    minimum_seconds: float = 0.02,
    budget_seconds: float | None = None,
    *,
    memory: bool = False,
) -> float:
    """How long one process will take.

    Args:
        shape: The shape.
        labels: The strategies.
        rounds: Rounds at most.
        minimum_seconds: Of a timed call.
        budget_seconds: Of the rounds.
        memory: Whether it measures the peak memory of its only strategy in place of time.
    """
    if memory:
        return _START + sum(_prepare(shape, label) + 4 * _step(shape, label) for label in labels)
    slots = [REFERENCE, REFERENCE, *(label for label in labels if label != REFERENCE)]
    preparing = sum(_prepare(shape, label) + _PARITY_STEPS * _step(shape, label) for label in slots)
    calls = [max(1.2 * minimum_seconds, share * _step(shape, label)) for label in slots for share in (1, _FORWARD)]
    round_seconds = sum(calls)
    measuring = (_WARMUP_CALLS + rounds) * round_seconds
    if budget_seconds is not None:
        measuring = min(measuring, max(budget_seconds, (_WARMUP_CALLS + LEAST_ROUNDS) * round_seconds))
    return _START + preparing + measuring


def expected_bytes(shape: Shape, labels: Sequence[str]) -> int:
    """How much memory one process will need that times these strategies."""
    slots = [REFERENCE, REFERENCE, *(label for label in labels if label != REFERENCE)]
    features = shape.inputs + (2 * shape.layers - 1) * shape.units
    weights = 4 * features * get_cell(shape.cell).gates * shape.units
    steps = shape.window * shape.batch_size
    window = 4 * steps * (shape.inputs + 4 * shape.units)
    graphs = sum(_PROGRAM + _CELL[shape.compile] * written_out(shape, label) for label in slots)
    activations = max(stored_bytes(shape, label) for label in slots)
    # Each program has weights and sums of squares; a step's gradients and the copies that are compared come on top.
    copies = 2 * len(slots) + 7 + _shards(shape)
    return int(_PROCESS + _DATA + graphs + weights * copies + 3 * window + 1.5 * activations)


def require_memory(shape: Shape, labels: Sequence[str]) -> None:
    """Refuses what cannot fit before it starts.

    Raises:
        UserError: The estimate is larger than what is available.
    """
    needed, available = expected_bytes(shape, labels), psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"benchmark of {shape.key}: expected a shape that fits into the {_gib(available)} of memory that are "
            f"available, got one that needs about {_gib(needed)}; lower its batch_size, window, units or layers, or "
            "exclude strategies that write out every step",
            "benchmark.too_large",
        )


def _prepare(shape: Shape, label: str) -> float:
    cells = written_out(shape, label)
    pairs = _XLA_PAIR * cells**2 if shape.compile == "xla" else 0.0
    programs = 2 if shape.batch_size % _shards(shape) else 1  # shards of two sizes
    return programs * (_PREPARE[shape.compile] + _WRITTEN_OUT[shape.compile] * cells + pairs)


def _shards(shape: Shape) -> int:
    return shard_count(shape.batch_size, shape.shards)


def _step(shape: Shape, label: str) -> float:
    """Seconds of a training step."""
    overheads = _CELL_WRITTEN_OUT if written_out(shape, label) else _CELL_IN_LOOP
    products = shape.step_flops / (_FLOPS_PER_THREAD * shape.threads)
    return overheads[shape.compile] * shape.layers * shape.window + products


def _gib(count: float) -> str:
    return f"{count / 2**30:.1f} GiB"
