"""What every contestant trains on: sizes, initial weights and data, in one file that C can read too.

The file has no padding: 8 int32 (`layers` to `threads`), 3 float32 (`learning_rate` to `epsilon`), the weights as
float32 in the order of `echo_rnn.core.model.flat`, then `x_WTBI` as float32 and `y_WTB` as int32, or as float32 where
the targets are real.

NumPy only: contestants in other environments import this module too.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FILE = "problem"
"""The name of the file in the folder of a measurement."""

_SIZES = 8
_RATES = 3


@dataclass(frozen=True, eq=False)
class Problem:
    """A stack of LSTM layers with a linear head, trained with Adagrad on windows in order, the state carried.

    Attributes:
        layers: L.
        units: S.
        batch_size: B.
        window: T.
        inputs: I.
        outputs: C classes, or 1: a real target, whose loss is the mean squared error.
        windows: W; the first one follows the last.
        threads: How many a contestant may use.
        learning_rate: Of Adagrad.
        accumulator: Where its sums of squared gradients start.
        epsilon: What is added to them below the root.
        weights: For each layer `kernel_IG`, `recurrent_SG`, `bias_G` with gates i, f, g, o; then the head's `kernel_SC`
            and `bias_C`.
        x_WTBI: Inputs.
        y_WTB: Targets: classes, or real ones.
    """

    layers: int
    units: int
    batch_size: int
    window: int
    inputs: int
    outputs: int
    windows: int
    threads: int
    learning_rate: float
    accumulator: float
    epsilon: float
    weights: list[Floats]
    x_WTBI: Floats
    y_WTB: NDArray[np.int32] | Floats

    def write(self, path: Path) -> None:
        """Writes the file."""
        *numbers, weights, x_WTBI, y_WTB = (getattr(self, field.name) for field in fields(self))
        sizes, rates = np.array(numbers[:_SIZES], np.int32), np.array(numbers[_SIZES:], np.float32)
        path.write_bytes(b"".join(array.tobytes() for array in (sizes, rates, *weights, x_WTBI, y_WTB)))


def read(path: Path) -> Problem:
    """Reads what `Problem.write` wrote."""
    with path.open("rb") as file:

        def take(dtype: type[np.generic], *shape: int) -> NDArray[Any]:
            return np.frombuffer(file.read(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).reshape(shape)

        sizes, rates = take(np.int32, _SIZES).tolist(), take(np.float32, _RATES).tolist()
        layers, units, batch_size, window, inputs, outputs, windows, _ = sizes
        weights = [take(np.float32, *shape) for shape in weight_shapes(layers, units, inputs, outputs)]
        x_WTBI = take(np.float32, windows, window, batch_size, inputs)
        y_WTB = take(np.float32 if outputs == 1 else np.int32, windows, window, batch_size)
        values = [*sizes, *rates, weights, x_WTBI, y_WTB]
        return Problem(**{field.name: value for field, value in zip(fields(Problem), values, strict=True)})


def weight_shapes(layers: int, units: int, inputs: int, outputs: int) -> list[tuple[int, ...]]:
    """The shapes of `Problem.weights`."""
    gates = 4 * units
    stack = [
        shape for layer in range(layers) for shape in ((units if layer else inputs, gates), (units, gates), (gates,))
    ]
    return [*stack, (units, outputs), (outputs,)]
