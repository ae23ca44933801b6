"""A `.nam` file of architecture LSTM, for Neural Amp Modeler and what reads its files.

Weights are one flat list: per layer `[W_ih | W_hh]` row by row as `[4·S, I + S]` (Keras's kernels transposed; its gate
order i, f, g, o is Keras's), one bias `[4·S]`, the first h and c `[S]`; then the head's weights and bias. There is one
size for all layers and no scale. Source: the Python package `neural-amp-modeler` and NeuralAmpModelerCore.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

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

# Most readers accept 0.5.x only.
_VERSION = "0.5.4"
_FILE = "network.nam"


def _refusal(stack: Stack, ends: Ends) -> Refusal | None:
    if refused := refuse_cells(stack, ("lstm",)) or refuse_narrow(stack, ends) or refuse_residual(ends):
        return refused
    if len(set(stack.sizes)) > 1:
        return "one size in model.units for all layers", str(list(stack.sizes))
    if (ends.kind, ends.inputs, ends.outputs) != ("real", 1, 1):
        return "one input and one real target", f"{ends.inputs} and {outputs_of(ends)}"
    return None


def _write(trained: "Trained", folder: Path) -> None:
    sizes, rate = trained.description.stack.sizes, trained.description.ends.sample_rate
    content: dict[str, Any] = {
        "version": _VERSION,
        "architecture": "LSTM",
        "config": {"input_size": 1, "hidden_size": sizes[0], "num_layers": len(sizes)},
        "weights": _flat(folded(trained)),
    }
    # A reader fails at null.
    (folder / _FILE).write_text(compact(content if rate is None else content | {"sample_rate": rate}))


def _flat(network: Folded) -> list[float]:
    parts = []
    for layer in network.layers:
        zeros_S = np.zeros(len(layer.recurrent_SG), np.float32)
        parts += [np.concatenate([layer.kernel_IG, layer.recurrent_SG]).T, layer.bias, zeros_S, zeros_S]
    flat = np.concatenate([part.ravel() for part in (*parts, network.head_SK.T, network.head_bias_K)])
    return [float(number) for number in flat]


NAM = Export("nam", "Neural Amp Modeler's format, architecture LSTM.", (_FILE,), _refusal, _write)
