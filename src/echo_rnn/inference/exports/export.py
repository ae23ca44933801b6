"""What a format of another program is: which networks it can hold, and how one is written."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echo_rnn.core.cell_table import Stack
from echo_rnn.tasks.ends import Ends

if TYPE_CHECKING:
    from echo_rnn.inference.trained import Trained

Refusal = tuple[str, str]
"""What a format takes, and what was got instead; for a message."""


@dataclass(frozen=True)
class Export:
    """A format.

    Attributes:
        name: Its name, a value of the setting `export`.
        summary: What it is, in a line.
        files: The names of the files that `write` makes.
        refusal: Why a network cannot be written, from its layers and its ends; `None` where it can.
        write: Writes the files into an empty folder, from where they are moved; it may import TensorFlow.
    """

    name: str
    summary: str
    files: tuple[str, ...]
    refusal: Callable[[Stack, Ends], Refusal | None]
    write: "Callable[[Trained, Path], None]"


def refuse_narrow(stack: Stack, _: Ends) -> Refusal | None:
    """Refuses products in a narrow precision: other programs have none, and would compute other numbers."""
    if stack.precision != "float32":
        return "model.precision = float32", stack.precision
    return None


def refuse_cells(stack: Stack, cells: tuple[str, ...]) -> Refusal | None:
    """Refuses layers of other kinds than `cells`, and GRU layers of the form that only Keras has."""
    if stack.kind.name not in cells:
        return f"model.cell = {' or '.join(cells)}", stack.kind.name
    if not stack.options.get("reset_after", True):
        return "model.reset_after = true", "false"
    return None


def refuse_residual(ends: Ends) -> Refusal | None:
    """Refuses a residual head, for formats that are layers and nothing around them."""
    return ("a head without a residual connection", "one with it") if ends.residual else None


def outputs_of(ends: Ends) -> str:
    """What a network predicts, for messages."""
    return f"{ends.outputs} {'classes' if ends.kind == 'classes' else 'real targets'}"


def compact(content: dict[str, Any]) -> str:
    """JSON in one line; NaN and infinities are refused."""
    return json.dumps(content, allow_nan=False)
