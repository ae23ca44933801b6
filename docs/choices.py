"""Measures what `unroll="auto"` of the Keras layer takes, for ways to compile: `python docs/choices.py graph xla`.

Each strategy and Keras's own layers train the same model with `fit`, in turn, in random order, in the same rounds. What
is kept is the ratio of the time to that of Keras's layers, with a 95 % interval over the rounds. Rows are replaced in
the file one by one; by default it is that of the package; another one counts where `ECHO_RNN_CHOICES` names it.
A measurement in pieces: `--minutes 5 --missing`, as often as rows are missing.
"""

import argparse
import itertools
import json
import platform
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.core.strategies import get_strategy
from echo_rnn.keras_layer import Unrolled, choices

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
NAMES = ("layers", "units", "steps", "batch_size")
SHAPES = [(1, 128, 50, 32), (3, 8, 50, 32), (3, 64, 50, 32), (1, 32, 250, 32), (2, 64, 100, 32), (1, 16, 50, 32)]
LABELS = {
    "xla": ("dynamic", "deferred", "partial4", "wavefront_deferred"),
    "graph": ("dynamic", "deferred", "partial4", "block"),
}
"""What is measured. Waves as a plain graph and `wavefront` never won, and written-out steps take long to trace."""

ROUNDS, SECONDS, T_95 = 9, 0.25, 2.306  # of Student's distribution with 8 degrees of freedom
FEATURES = 8


def contestant(label: str, cell: str, shape: tuple[int, int, int, int], compiled: str) -> Any:
    """A compiled model; `label` is empty for Keras's layers."""
    layers, units, steps, _ = shape
    model = keras.Sequential([keras.Input((steps, FEATURES))])
    if label:
        model.add(Unrolled([units] * layers, cell, unroll=label))
    for index in range(0 if label else layers):
        model.add(CELLS[cell](units, return_sequences=index < layers - 1))
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse", jit_compile=compiled == "xla")
    return model


def seconds(model: Any, data: Any) -> float:
    """How long `fit` takes for an epoch."""
    begin = time.perf_counter()
    model.fit(data, verbose=0)
    return time.perf_counter() - begin


def labels(cell: str, layers: int, compiled: str) -> list[str]:
    """The strategies that can run a cell; of one layer there are no waves."""
    able = [label for label in LABELS[compiled] if cell in (get_strategy(label).strategy.cells or CELLS)]
    return [label for label in able if layers > 1 or not label.startswith("wavefront")]


def ratios(cell: str, shape: tuple[int, int, int, int], compiled: str) -> dict[str, list[float]]:
    """The time of each strategy over that of Keras's layers: lower bound, estimate, upper bound."""
    layers, _, steps, batch_size = shape
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(batch_size, steps, FEATURES)).astype(np.float32), np.ones((batch_size, 1), np.float32)
    models = {label: contestant(label, cell, shape, compiled) for label in ("", *labels(cell, layers, compiled))}
    one = tf.data.Dataset.from_tensors(batch)
    for model in models.values():
        seconds(model, one.repeat(3))
    count = int(np.clip(SECONDS / (seconds(models[""], one.repeat(10)) / 10), 3, 300))
    logs = {label: [] for label in models}
    for _ in range(ROUNDS):
        for label in rng.permutation(list(models)):
            logs[str(label)].append(np.log(seconds(models[str(label)], one.repeat(count).prefetch(2))))
    found = {}
    for label in labels(cell, layers, compiled):
        difference = np.subtract(logs[label], logs[""])
        half = T_95 * difference.std(ddof=1) / np.sqrt(ROUNDS)
        found[label] = [round(float(np.exp(difference.mean() + sign * half)), 3) for sign in (-1, 0, 1)]
    return found


def main() -> None:
    """Measures and writes."""
    begin = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("compiled", nargs="+", choices=list(LABELS))
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument("--file", type=Path, default=choices.FILE)
    parser.add_argument("--missing", action="store_true", help="only what is not in the file")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="none is begun later")
    arguments = parser.parse_args()
    rows = json.loads(arguments.file.read_text())["rows"] if arguments.file.exists() else []
    made = {"tensorflow": tf.__version__, "keras": keras.__version__}
    for shape, cell, compiled in itertools.product(SHAPES, arguments.cells, arguments.compiled):
        what = {"processor": platform.machine(), "cell": cell, "compiled": compiled}
        what |= dict(zip(NAMES, shape, strict=True))
        others = [row for row in rows if not what.items() <= row.items()]
        if arguments.missing and len(others) < len(rows):
            continue
        if time.monotonic() - begin > 60 * arguments.minutes:
            print("some are missing")
            break
        row = {**what, "ratios": ratios(cell, shape, compiled)}
        rows = sorted([*others, row], key=lambda each: list(map(str, each.values()))[:-1])
        lines = ",\n".join(f"  {json.dumps(each)}" for each in rows)
        arguments.file.write_text(f'{{"made_with": {json.dumps(made)}, "rows": [\n{lines}\n]}}\n')
        print(row, flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
