"""LiteRT (TensorFlow Lite) models with the state as inputs and outputs, for one time step and for a block of them.

A call reads `x [1, T, I]` and the states before it and gives `y [1, T, K]` and the states after it, all by name: h and
c have equal shapes, and positions are those of the sorted names. T is fixed, and its steps are written out, which
leaves plain operations. With both files any number of samples can be run: blocks first, then single steps.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from echo_rnn.inference.exports.export import Export, refuse_narrow

if TYPE_CHECKING:
    from echo_rnn.inference.trained import Trained

BLOCK = 16
"""Time steps of the larger of the two models; the time to convert grows faster than the steps."""

_FILES = {"step.tflite": 1, f"block{BLOCK}.tflite": BLOCK}


def _write(trained: "Trained", folder: Path) -> None:
    from echo_rnn.inference.keras_model import to_keras_with_states  # noqa: PLC0415 # imports TensorFlow

    for name, steps in _FILES.items():
        to_keras_with_states(trained, steps).export(folder / name, format="litert", verbose=False)


LITERT = Export("litert", "LiteRT models with the state as inputs and outputs.", tuple(_FILES), refuse_narrow, _write)
