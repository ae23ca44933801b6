"""RTNeural's JSON, and the narrower one that the plug-in AIDA-X reads.

Weights are those of Keras's `get_weights()`, nested lists of numbers. The engine skips types that it does not know and
fills what is missing with zeros without a word, so only what it has is written. AIDA-X takes one LSTM or GRU layer of
some sizes and a linear head of one output; further keys give it a residual connection, gains in decibels, the sample
rate, and 2,048 samples to check itself. Sources: RTNeural's `model_loader.h`, and AIDA-X's.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.core.cell_table import Stack
from echo_rnn.inference.exports.export import (
    Export,
    Refusal,
    compact,
    outputs_of,
    refuse_cells,
    refuse_narrow,
    refuse_residual,
)
from echo_rnn.inference.exports.folded import Folded, folded
from echo_rnn.tasks.ends import Ends

if TYPE_CHECKING:
    from echo_rnn.inference.trained import Trained

_CELLS = ("lstm", "gru")
_AIDA_UNITS = (8, 12, 16, 20, 24, 32, 40, 64, 80)
_AIDA_MOST_INPUTS = 3
_CHECKED_SAMPLES = 2048  # AIDA-X runs as many zeros when it loads a file
_FILE, _AIDA_FILE = "rtneural.json", "aidax.json"


def _refusal(stack: Stack, ends: Ends) -> Refusal | None:
    return refuse_cells(stack, _CELLS) or refuse_narrow(stack, ends) or refuse_residual(ends)


def _aida_refusal(stack: Stack, ends: Ends) -> Refusal | None:
    if refused := refuse_cells(stack, _CELLS) or refuse_narrow(stack, ends):
        return refused
    takes = (
        (len(stack.sizes) == 1, "model.layers = 1", len(stack.sizes)),
        (stack.sizes[0] in _AIDA_UNITS, f"model.units among {', '.join(map(str, _AIDA_UNITS))}", stack.sizes[0]),
        ((ends.kind, ends.outputs) == ("real", 1), "one real target", outputs_of(ends)),
        (ends.inputs <= _AIDA_MOST_INPUTS, f"at most {_AIDA_MOST_INPUTS} inputs, audio before knobs", ends.inputs),
        (ends.residual_inputs in ((), (0,)), "a residual connection from the first input", "one from another"),
    )
    return next(((expected, str(got)) for fits, expected, got in takes if not fits), None)


def _write(trained: "Trained", folder: Path) -> None:
    (folder / _FILE).write_text(compact(_layers(trained, folded(trained))))


def _write_aida(trained: "Trained", folder: Path) -> None:
    ends, network = trained.description.ends, folded(trained)
    extra: dict[str, Any] = {"in_skip": 0, "in_gain": 0.0, "out_gain": 0.0}
    if ends.residual:
        extra["in_skip"], extra["out_gain"], network = _with_skip(ends, network)
    if ends.sample_rate is not None:
        extra["metadata"] = {"samplerate": ends.sample_rate}
    if ends.inputs == 1:
        extra |= _check(trained)
    (folder / _AIDA_FILE).write_text(compact(_layers(trained, network) | extra))


def _with_skip(ends: Ends, network: Folded) -> tuple[int, float, Folded]:
    """`in_skip`, `out_gain` and the weights with which y = gain · (x + net(x)) is what the residual head gives.

    The head adds the scaled input, (x - o) / s, and so in raw units s' / s · (x - o): the factor is the gain; the
    constant, and the inverse of the gain, go into the head.
    """
    scaling = ends.scaling
    gain = float(scaling.target_scale_K[0] / scaling.input_scale_I[0])
    bias_K = np.asarray(network.head_bias_K, np.float64) - gain * scaling.input_offset_I[0]
    head = (np.asarray(part / gain, np.float32) for part in (network.head_SK, bias_K))
    return 1, 20 * math.log10(gain), Folded(network.layers, *head)


def _check(trained: "Trained") -> dict[str, list[Any]]:
    """Inputs of all loudnesses from a zero state, and the network's own predictions."""
    from echo_rnn.inference.stream import Prediction, Stream  # noqa: PLC0415 # imports TensorFlow

    noise_N = np.random.default_rng(0).uniform(-1, 1, _CHECKED_SAMPLES)
    x_N = (noise_N * np.linspace(0, 1, _CHECKED_SAMPLES)).astype(np.float32)
    return {"input_batch": _numbers(x_N), "output_batch": _numbers(Stream(Prediction(trained))(x_N))}


def _layers(trained: "Trained", network: Folded) -> dict[str, Any]:
    cell, ends = trained.description.stack.kind.name, trained.description.ends
    # A GRU's two rows of biases stay two rows.
    layers = [_layer(cell, (part.kernel_IG, part.recurrent_SG, part.bias), "") for part in network.layers]
    head = _layer("dense", (network.head_SK, network.head_bias_K), "softmax" if ends.kind == "classes" else "")
    return {"in_shape": [None, None, ends.inputs], "layers": [*layers, head]}


def _layer(kind: str, weights: tuple[NDArray[Any], ...], activation: str) -> dict[str, Any]:
    """A layer with its size: the rows of the recurrent weights, or the columns of the head's."""
    size = weights[0].shape[1] if kind == "dense" else weights[1].shape[0]
    # `""` is linear; null and "linear" end the engine. Recurrent layers have theirs whatever is written.
    shown = activation if kind == "dense" else "tanh"
    return {
        "type": kind,
        "activation": shown,
        "shape": [None, None, int(size)],
        "weights": [_numbers(part) for part in weights],
    }


def _numbers(array: NDArray[Any]) -> list[Any]:
    """Nested lists of doubles, which give the same float32 back."""
    numbers: list[Any] = np.asarray(array, np.float64).tolist()
    return numbers


RTNEURAL = Export("rtneural", "JSON for programs that are built on RTNeural.", (_FILE,), _refusal, _write)
AIDAX = Export("aidax", "The same for the plug-in AIDA-X.", (_AIDA_FILE,), _aida_refusal, _write_aida)
