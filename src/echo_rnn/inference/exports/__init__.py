"""Trained networks in the formats of other programs: the table of formats, refusals, and writing.

All files take and give raw units: what scales is part of the model, or folded into its weights. Importing this room
imports no TensorFlow, so that what a format cannot hold is refused before a training starts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from echo_rnn.core.cell_table import Stack
from echo_rnn.errors import UserError
from echo_rnn.files import replacing_files
from echo_rnn.inference.exports.export import Export
from echo_rnn.inference.exports.keras_files import KERAS
from echo_rnn.inference.exports.litert import LITERT
from echo_rnn.inference.exports.nam import NAM
from echo_rnn.inference.exports.rtneural import AIDAX, RTNEURAL
from echo_rnn.tasks.ends import Ends

if TYPE_CHECKING:
    from echo_rnn.inference.trained import Trained

__all__ = ["EXPORTED", "EXPORTS", "Export", "files_of", "require_exportable", "write"]

EXPORTS: Mapping[str, Export] = {each.name: each for each in (KERAS, LITERT, RTNEURAL, AIDAX, NAM)}
"""Every format by its name."""

EXPORTED = "exports"
"""The folder of the files within that of a trained network."""


def files_of(names: Sequence[str]) -> list[str]:
    """The names of the files of some formats."""
    return [file for name in names for file in EXPORTS[name].files]


def require_exportable(names: Sequence[str], stack: Stack, ends: Ends) -> None:
    """Refuses formats that cannot hold a network.

    Args:
        names: Of the formats.
        stack: The layers of the network.
        ends: Its ends.

    Raises:
        UserError: One is not known, or cannot hold it.
    """
    for name in names:
        if name not in EXPORTS:
            raise UserError(
                f"export: expected formats among {', '.join(EXPORTS)}, got {name!r}", "export.unknown_format"
            )
        if refused := EXPORTS[name].refusal(stack, ends):
            expected, got = refused
            raise UserError(
                f"export: expected {expected} for {name}, got {got}; change that, or leave {name} out", "export.refused"
            )


def write(trained: "Trained", names: Sequence[str], folder: Path) -> list[Path]:
    """Writes a network in some formats and returns the files.

    Args:
        trained: The network.
        names: Of the formats.
        folder: Made where it is missing.

    Raises:
        UserError: A format cannot hold it, in which case nothing is written, or a file cannot be written.
    """
    require_exportable(names, trained.description.stack, trained.description.ends)
    files = files_of(names)
    if files:
        with replacing_files(folder, last=files[-1]) as scratch:
            for name in names:
                EXPORTS[name].write(trained, scratch)
    return [folder / file for file in files]
