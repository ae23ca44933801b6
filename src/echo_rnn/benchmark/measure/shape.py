"""One shape: all that decides the cost of a training step besides the strategy."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from echo_rnn.core.cell_table import get_cell
from echo_rnn.core.compilation import Compile

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

    @property
    def key(self) -> str:
        """The shape in a word that can be the name of a file."""
        network = f"{self.cell}-L{self.layers}-S{self.units}-B{self.batch_size}-T{self.window}-I{self.inputs}"
        return f"{network}-{self.precision}-{self.compile}-shards{self.shards}-threads{self.threads}"

    @property
    def forward_flops(self) -> int:
        """Multiplications and additions of the matrix products of one forward pass, head left out."""
        features = self.inputs + (self.layers - 1) * self.units + self.layers * self.units
        return 2 * self.window * self.batch_size * features * get_cell(self.cell).gates * self.units

    @property
    def step_flops(self) -> int:
        """The same for a training step: backward, each product has two gradients of its own cost."""
        return 3 * self.forward_flops

    def values(self) -> dict[str, Any]:
        """As JSON values; `Shape(**values)` makes an equal one."""
        return asdict(self)

    def __post_init__(self) -> None:
        assert re.fullmatch(r"[\w.-]+", self.key)
