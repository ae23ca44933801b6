"""One shape: all that decides the cost of a training step besides the strategy; and what holds of a strategy at it.

The table of strategies says that; TensorFlow is not started.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from echo_rnn.core.cell_table import get_cell
from echo_rnn.core.compilation import Compile
from echo_rnn.core.strategies import get_strategy
from echo_rnn.core.strategies import refusal as strategy_refusal
from echo_rnn.errors import UserError

CLASSES = 2
"""Classes of every measured problem with classes (C)."""
COMPILED: dict[Compile, str] = {
    "none": "not compiled",
    "graph": "as a graph",
    "xla": "under XLA",
}
"""How a shape is compiled, in words."""


def condition(compiled: Compile, shards: int) -> str:
    """How a shape is compiled and split, in words."""
    return COMPILED[compiled] + (f" in {shards} shards" if shards > 1 else "")


@dataclass(frozen=True, order=True)
class Shape:
    """A network and its window.

    Attributes:
        cell: `lstm`, `gru` or `rnn`.
        layers: L.
        units: S, the same in every layer.
        batch_size: B.
        window: T.
        inputs: I.
        precision: `float32` or `bfloat16`.
        compile: `none`, `graph` or `xla`.
        threads: Of TensorFlow, within an operation and between operations.
        shards: The largest number of data-parallel parts of the batch; more than 1 are programs of XLA.
        loss: `cross_entropy` of classes, or `mse` of one real target.
    """

    cell: str
    layers: int
    units: int
    batch_size: int
    window: int
    inputs: int
    precision: str
    compile: Compile
    threads: int
    shards: int = 1
    loss: str = "cross_entropy"

    @property
    def key(self) -> str:
        """The shape in a word that can be the name of a file."""
        network = f"{self.cell}-L{self.layers}-S{self.units}-B{self.batch_size}-T{self.window}-I{self.inputs}"
        loss = "" if self.loss == "cross_entropy" else f"-{self.loss}"
        return f"{network}-{self.precision}-{self.compile}-shards{self.shards}-threads{self.threads}{loss}"

    @property
    def outputs(self) -> int:
        """Outputs of the head: classes (C), or one real target (K)."""
        return CLASSES if self.loss == "cross_entropy" else 1

    @property
    def matrix_weights(self) -> int:
        """Weights of the layers, biases and head left out."""
        features = self.inputs + (2 * self.layers - 1) * self.units
        return features * get_cell(self.cell).gates * self.units

    @property
    def step_flops(self) -> int:
        """Multiplications and additions of the matrix products of a training step, head left out.

        On the backward pass each product of the forward pass has two gradients of its own cost.
        """
        return 3 * 2 * self.window * self.batch_size * self.matrix_weights


def refusal(shape: Shape, label: str) -> str | None:
    """Why a strategy cannot be measured at a shape, with what to use instead, or `None` where it can.

    Raises:
        UserError: There is no such strategy.
    """
    return strategy_refusal(get_strategy(label), [shape.cell], shape.precision, shape.compile)


def require_strategies(shape: Shape, labels: Sequence[str]) -> None:
    """Accepts only strategies that can be measured at a shape.

    Raises:
        UserError: One cannot, or is unknown.
    """
    for label in labels:
        if expected := refusal(shape, label):
            reason = f"benchmark strategies: expected {expected}, got {label!r} for {shape.key}"
            raise UserError(reason, "strategy.refused")


def stored_bytes(shape: Shape, label: str) -> int:
    """Bytes that a training step stores for its backward pass."""
    unrolling = get_strategy(label)
    width = 2 if unrolling.strategy.stored_narrow and shape.precision == "bfloat16" else 4
    values = unrolling.strategy.stored(get_cell(shape.cell), shape.layers, shape.window, unrolling.option)
    return values * shape.batch_size * shape.units * width


def written_out(shape: Shape, label: str) -> int:
    """Cells, one step of one layer each, that stand in the graph one by one; 0 where a loop runs them all."""
    return shape.layers * get_strategy(label).written_out(shape.window)
