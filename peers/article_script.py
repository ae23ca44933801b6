"""The article's program as a whole: for each epoch a fresh series, and one `Session.run` for each of its windows.

    python article_script.py EPOCHS THREADS

Its numbers are the article's. It tells the mean loss of its last epoch; what the article draws is left out.
"""

import sys

import numpy as np
from article_graph import build, session, tf1

SERIES = 50_000
ECHO_STEP = 3
ROWS = 5
WINDOW = 15
UNITS = 4
LAYERS = 3
CLASSES = 2


def series(generator):
    """Bits and their echo, in rows."""
    x = generator.integers(0, CLASSES, SERIES)
    y = np.roll(x, ECHO_STEP)
    y[:ECHO_STEP] = 0
    return x.reshape(ROWS, -1), y.reshape(ROWS, -1)


def initial_weights(generator):
    """Glorot's uniform for matrices; the forget gates' biases 1."""

    def matrix(inputs, outputs):
        limit = np.sqrt(6 / (inputs + outputs))
        return generator.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)

    bias = np.repeat([0, 1, 0, 0], UNITS).astype(np.float32)
    layers = [(matrix(UNITS if layer else 1, 4 * UNITS), matrix(UNITS, 4 * UNITS), bias) for layer in range(LAYERS)]
    return [*(weight for layer in layers for weight in layer), matrix(UNITS, CLASSES), np.zeros(CLASSES, np.float32)]


def main() -> None:
    """Trains."""
    epochs, threads = map(int, sys.argv[1:])
    generator = np.random.default_rng(0)
    tf1.disable_eager_execution()
    graph = build(
        initial_weights(generator), ROWS, WINDOW, written_out=False, optimizer=tf1.train.AdagradOptimizer(0.3)
    )
    opened = session(threads)
    losses = []
    for _ in range(epochs):
        x_BN, y_BN = series(generator)
        state = np.zeros(graph.state_L2BS.shape, np.float32)
        losses = []
        for start in range(0, x_BN.shape[1] // WINDOW * WINDOW, WINDOW):
            window = slice(start, start + WINDOW)
            fed = {graph.x_BTI: x_BN[:, window, None], graph.y_BT: y_BN[:, window], graph.state_L2BS: state}
            loss, _, state, _ = opened.run(graph.fetched, fed)
            losses.append(loss)
    print(f"mean loss of the last epoch: {np.mean(losses):.4f}")


main()
