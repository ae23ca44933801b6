"""Measures what `unroll="auto"` of the Keras layer takes, for ways to compile: `python docs/choices.py graph xla`.

Each strategy and Keras's own layers train the same model with `fit`, in turn, in random order, in the same rounds. What
is kept is the ratio of the time to that of Keras's layers, with a 95 % interval over the rounds. Rows are replaced in
the file one by one; by default it is that of the package; another one counts where `ECHO_RNN_CHOICES` names it.
"""

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.keras_layer import Unrolled, choices

SHAPES = [(1, 16, 50, 32), (1, 128, 50, 32), (3, 8, 50, 32), (3, 64, 50, 32)]
LABELS = {"xla": choices.LABELS, "graph": (*choices.LABELS, "block")}
ROUNDS, SECONDS, T_95 = 9, 0.4, 2.306  # of Student's distribution with 8 degrees of freedom
FEATURES = 8


def contestant(label: str, layers: int, units: int, steps: int, compiled: str) -> Any:
    """A compiled model; `label` is empty for Keras's layers."""
    model = keras.Sequential([keras.Input((steps, FEATURES))])
    if label:
        model.add(Unrolled([units] * layers, unroll=label))
    for index in range(0 if label else layers):
        model.add(keras.layers.LSTM(units, return_sequences=index < layers - 1))
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse", jit_compile=compiled == "xla")
    return model


def seconds(model: Any, data: Any) -> float:
    """How long `fit` takes for an epoch."""
    begin = time.perf_counter()
    model.fit(data, verbose=0)
    return time.perf_counter() - begin


def measured(shape: tuple[int, int, int, int], compiled: str) -> dict[str, Any]:
    """A row of the table."""
    layers, units, steps, batch_size = shape
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(batch_size, steps, FEATURES)).astype(np.float32), np.ones((batch_size, 1), np.float32)
    models = {label: contestant(label, layers, units, steps, compiled) for label in ("", *LABELS[compiled])}
    one = tf.data.Dataset.from_tensors(batch)
    for model in models.values():
        seconds(model, one.repeat(3))
    count = int(np.clip(SECONDS / (seconds(models[""], one.repeat(10)) / 10), 3, 300))
    logs = {label: [] for label in models}
    for _ in range(ROUNDS):
        for label in rng.permutation(list(models)):
            logs[str(label)].append(np.log(seconds(models[str(label)], one.repeat(count).prefetch(2))))
    ratios = {}
    for label in LABELS[compiled]:
        difference = np.subtract(logs[label], logs[""])
        half = T_95 * difference.std(ddof=1) / np.sqrt(ROUNDS)
        ratios[label] = [round(float(np.exp(difference.mean() + sign * half)), 3) for sign in (-1, 0, 1)]
    names = ("layers", "units", "steps", "batch_size")
    return {
        "processor": platform.machine(),
        "compiled": compiled,
        **dict(zip(names, shape, strict=True)),
        "ratios": ratios,
    }


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("compiled", nargs="+", choices=list(LABELS))
    parser.add_argument("--file", type=Path, default=choices.FILE)
    arguments = parser.parse_args()
    rows = json.loads(arguments.file.read_text())["rows"] if arguments.file.exists() else []
    made = {"tensorflow": tf.__version__, "keras": keras.__version__}
    for compiled in arguments.compiled:
        for shape in SHAPES:
            row = measured(shape, compiled)
            rows = [each for each in rows if {**each, "ratios": 0} != {**row, "ratios": 0}] + [row]
            lines = ",\n".join(f"  {json.dumps(each)}" for each in rows)
            arguments.file.write_text(f'{{"made_with": {json.dumps(made)}, "rows": [\n{lines}\n]}}\n')
            print(row, flush=True)
            keras.backend.clear_session()


if __name__ == "__main__":
    main()
