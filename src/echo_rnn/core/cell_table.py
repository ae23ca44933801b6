"""The table of cells: what each is called, where it is implemented, its options and what a step of it stores.

It is read without TensorFlow, which a cell's implementation imports when it is loaded.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

from echo_rnn.core.errors import UserError

ImportPath = NewType("ImportPath", str)
"""The type of an option that names something to import, `package.module:Name`."""


@dataclass(frozen=True)
class CellKind:
    """A kind of cell.

    Attributes:
        name: Its name.
        summary: What it is, in a line.
        implementation: `module:attribute` of what makes an `echo_rnn.core.cells.Cell` from `units`, the options and,
            where that is not float32, the `precision` of products.
        options: The type of each option: `float`, `bool`, `int` for a size, `ImportPath`, or `dict`.
        defaults: Their usual values.
        precisions: The precisions of its products.
        gates: Products of a step with the input or the state, each S wide.
        stored: Values that automatic differentiation of a step stores, in units of S: the output of each gate, states
            and the layer's input, of an LSTM also tanh c.
        residuals: Values that a manual backward pass of a step needs, in units of S: those that the forward pass
            returns for it, and the state.
        state_parts: Parts of the state, each S wide.
        known: Whether its arithmetic is known, so that strategies can split it.
    """

    name: str
    summary: str
    implementation: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)
    precisions: tuple[str, ...] = ("float32", "bfloat16")
    gates: int = 0
    stored: int = 0
    residuals: int = 0
    state_parts: int = 0
    known: bool = True

    def load(self) -> Any:
        """What makes a cell; this imports TensorFlow."""
        module, _, name = self.implementation.partition(":")
        return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Stack:
    """Recurrent layers of one kind, described; `echo_rnn.core.cells.build_cells` makes them.

    Attributes:
        kind: Of cell.
        sizes: State units of each layer, from the input upwards.
        precision: Of the matrix products.
        options: Of the cells.
    """

    kind: CellKind
    sizes: tuple[int, ...]
    precision: str = "float32"
    options: Mapping[str, Any] = field(default_factory=dict)


_TABLE = (
    CellKind(
        name="lstm",
        summary="Long short-term memory.",
        implementation="echo_rnn.core.cells.lstm:Lstm",
        options={"forget_bias": float},
        defaults={"forget_bias": 1.0},
        gates=4,
        stored=8,
        residuals=4 + 2,
        state_parts=2,
    ),
    CellKind(
        name="gru",
        summary="Gated recurrent unit.",
        implementation="echo_rnn.core.cells.gru:Gru",
        options={"reset_after": bool},
        defaults={"reset_after": True},
        gates=3,
        stored=7,
        residuals=4 + 1,
        state_parts=1,
    ),
    CellKind(
        name="rnn",
        summary="Simple recurrent layer.",
        implementation="echo_rnn.core.cells.rnn:Rnn",
        gates=1,
        stored=2,
        residuals=0 + 1,
        state_parts=1,
    ),
    CellKind(
        name="custom",
        summary="Any object that follows Keras's cell protocol, named by its import path.",
        implementation="echo_rnn.core.cells.custom:build_custom",
        options={"path": ImportPath, "options": dict},
        precisions=("float32",),  # its products are its own
        known=False,
    ),
)

CELLS: dict[str, CellKind] = {kind.name: kind for kind in _TABLE}
"""Every kind of cell by its name."""


def get_cell(name: str) -> CellKind:
    """The kind of cell of a name.

    Raises:
        UserError: There is none.
    """
    if name not in CELLS:
        raise UserError(f"cell: expected one of {', '.join(CELLS)}, got {name!r}", "cell.unknown")
    return CELLS[name]


def known_cells() -> list[str]:
    """The names of the cells that every strategy can split, which a benchmark compares them with."""
    return [kind.name for kind in CELLS.values() if kind.known]
