"""Runs the exported files of a job as other programs do, and compares them with the network itself.

    python docs/exports.py FOLDER [SAMPLES]

FOLDER is that of a job with `export=[keras,litert,…]`. The test series is read in blocks of several sizes with the
state carried; printed is the largest difference from one pass of the network over all samples, in raw units. The files
of AIDA-X hold samples to check, which the network is asked for again.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

import echo_rnn
from echo_rnn.inference.exports import EXPORTED
from echo_rnn.inference.exports.litert import BLOCK
from echo_rnn.tasks.dataset import open_dataset

Floats = NDArray[Any]
Engine = Callable[[Floats], Floats]
"""Takes the next inputs `[N, I]` and gives outputs `[N, K]`; its state is carried."""

BLOCKS = (1, 7, 64, 1000)
SAMPLES = 4000
MOST_CALLS = 500  # of one size, since a call of a Keras model takes milliseconds


def keras_states(folder: Path) -> Engine:
    """`states.keras`: the state goes in and comes out, by name."""
    import keras  # noqa: PLC0415 # after `echo_rnn.load`, which starts TensorFlow

    model = keras.saving.load_model(folder / "states.keras")
    state = {tensor.name: np.zeros((1, tensor.shape[-1]), np.float32) for tensor in model.inputs if tensor.name != "x"}

    def engine(x_NI: Floats) -> Floats:
        outputs = model.predict_on_batch({"x": x_NI[np.newaxis]} | state)
        y_NK: Floats = outputs.pop("y")[0]
        state.update({name.replace("_out", "_in"): part for name, part in outputs.items()})
        return y_NK

    return engine


def litert(folder: Path) -> Engine:
    """`block16.tflite` for whole blocks, `step.tflite` for what is left."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    files = {BLOCK: folder / f"block{BLOCK}.tflite", 1: folder / "step.tflite"}
    runners = {steps: Interpreter(str(file)).get_signature_runner() for steps, file in files.items()}
    sizes = {name: each["shape"] for name, each in runners[1].get_input_details().items() if name != "x"}
    state = {name: np.zeros(size, np.float32) for name, size in sizes.items()}

    def engine(x_NI: Floats) -> Floats:
        parts, start = [], 0
        for steps, runner in runners.items():
            while len(x_NI) - start >= steps:
                outputs = runner(x=x_NI[np.newaxis, start : start + steps], **state)
                parts.append(outputs.pop("y")[0].copy())
                state.update({name.replace("_out", "_in"): part.copy() for name, part in outputs.items()})
                start += steps
        return np.concatenate(parts)

    return engine


def in_blocks(engine: Engine, x_NI: Floats, size: int) -> Floats:
    """The outputs for consecutive blocks of `size` samples."""
    starts = range(0, min(len(x_NI), MOST_CALLS * size), size)
    return np.concatenate([engine(x_NI[start : start + size]) for start in starts])


def differences(network: Any, x_NI: Floats, folder: Path) -> Iterator[tuple[str, int, float]]:
    """What was run, in blocks of how many samples, and the largest difference from one pass of the network."""
    whole: Floats = network.predict(x_NI)
    engines: dict[str, Callable[[], Engine]] = {"stream()": network.stream}
    if (folder / "states.keras").exists():
        engines["keras"] = lambda: keras_states(folder)
    if (folder / "step.tflite").exists():
        engines["litert"] = lambda: litert(folder)
    for name, fresh in engines.items():
        for size in BLOCKS:
            got = in_blocks(fresh(), x_NI, size)
            yield name, size, float(np.abs(got - whole[: len(got)]).max())
    if (folder / "aidax.json").exists() and "input_batch" in (own := json.loads((folder / "aidax.json").read_text())):
        x_N, y_N = np.array(own["input_batch"], np.float32), np.array(own["output_batch"])
        yield "aidax, its own samples", len(x_N), float(np.abs(network.predict(x_N) - y_N).max())


def main(job: Path, samples: int = SAMPLES) -> None:
    """Prints a line for each format and size of blocks."""
    network, data = echo_rnn.load(job / "models"), open_dataset(job / "data")
    x_NI = data.test.x_EBNI[0, 0, :samples] * np.float32(data.units.x)
    for name, size, difference in differences(network, x_NI, job / "models" / EXPORTED):
        print(f"{name} in blocks of {size:,}: largest difference {difference:.2g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
