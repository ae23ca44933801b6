"""The problem of a shape: the seed's task and optimizer, initial weights as ours usually are.

Real targets are the bits of that task as numbers.
"""

from typing import Any

import numpy as np

from echo_rnn.benchmark.measure.problem import Floats, Problem, weight_shapes
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.core.windows.buffers import as_windows
from echo_rnn.errors import UserError
from echo_rnn.tasks.echo import Echo

_ECHO_STEP = 3
_FORGET_BIAS = 1.0
_MOST_WINDOWS = 128
_FLOPS = 2**30  # of a pass over all windows, so that a compiled epoch is no longer than it must be


def require_known(shape: Shape) -> None:
    """Refuses a shape that not all peers can train.

    Raises:
        UserError: It is another one.
    """
    if (shape.cell, shape.inputs, shape.precision) != ("lstm", 1, "float32"):
        raise UserError(
            "sweep.grids: expected cell lstm, inputs 1 and precision float32, which all peers can train, "
            f"got {shape.cell}, {shape.inputs} and {shape.precision}",
            "benchmark.unknown_to_peers",
        )


def draw(shape: Shape, seed: int) -> Problem:
    """A problem; the same seed gives the same."""
    weights_seed, data_seed = np.random.SeedSequence(seed).spawn(2)
    weights = _weights(shape, np.random.default_rng(weights_seed))
    windows = max(2, min(_MOST_WINDOWS, _FLOPS // shape.step_flops))
    series = Echo(_ECHO_STEP, shape.batch_size).series(data_seed, shape.batch_size * shape.window * windows)
    x_WTB, y_WTB = (as_windows(array_BN, shape.window) for array_BN in series)
    dtype: Any = np.int32 if shape.loss == "cross_entropy" else np.float32
    return Problem(
        shape.layers,
        shape.units,
        shape.batch_size,
        shape.window,
        shape.inputs,
        shape.outputs,
        windows,
        shape.threads,
        learning_rate=0.3,
        accumulator=0.1,
        epsilon=1e-7,
        weights=weights,
        x_WTBI=np.ascontiguousarray(x_WTB[..., None], np.float32),
        y_WTB=np.ascontiguousarray(y_WTB, dtype),
    )


def _weights(shape: Shape, generator: np.random.Generator) -> list[Floats]:
    """Glorot's uniform for matrices; biases zero, those of the forget gates as ours."""
    weights = []
    for size in weight_shapes(shape.layers, shape.units, shape.inputs, shape.outputs):
        limit = np.sqrt(6 / sum(size))
        values = generator.uniform(-limit, limit, size) if len(size) == 2 else np.zeros(size)
        weights.append(values.astype(np.float32))
    for bias_G in weights[2:-2:3]:
        bias_G[shape.units : 2 * shape.units] = _FORGET_BIAS
    return weights
