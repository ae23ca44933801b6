"""Keras: stateful `LSTM` layers and a `Dense` head, trained with `fit`, a pass over all windows for each call.

python keras_fit.py [--unroll] [--xla] PROBLEM
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.benchmark.measure.problem import Problem
from echo_rnn.benchmark.measure.worker import TRAIN, Ready, serve


class Losses(keras.callbacks.Callback):
    """The loss of each batch, from the mean that `fit` tells."""

    def __init__(self) -> None:
        super().__init__()
        self.means = []

    def on_train_batch_end(self, batch, logs=None):
        """Takes the mean since the pass began."""
        self.means.append(logs["loss"])

    def each(self):
        """Loss by loss."""
        totals = np.array(self.means) * np.arange(1, len(self.means) + 1)
        return np.diff(totals, prepend=0.0)


def network(problem: Problem, unroll: bool, xla: bool) -> keras.Model:
    """The compiled model with the problem's weights."""
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(problem.batch_size, problem.window, problem.inputs)),
            *(
                keras.layers.LSTM(problem.units, return_sequences=True, stateful=True, unroll=unroll)
                for _ in range(problem.layers)
            ),
            keras.layers.Dense(problem.outputs),
        ]
    )
    model.set_weights(problem.weights)
    model.compile(
        keras.optimizers.Adagrad(
            problem.learning_rate, initial_accumulator_value=problem.accumulator, epsilon=problem.epsilon
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=xla,
    )
    return model


def prepare(problem: Problem) -> Ready:
    """Builds the model; the first call of `fit` traces and compiles."""
    for kind in ("intra", "inter"):
        getattr(tf.config.threading, f"set_{kind}_op_parallelism_threads")(problem.threads)
    model = network(problem, "--unroll" in sys.argv, "--xla" in sys.argv)
    # Rows of a batch are neighbours in what `fit` takes.
    x_NTI = problem.x_WTBI.swapaxes(1, 2).reshape(-1, problem.window, problem.inputs)
    y_NT = problem.y_WTB.swapaxes(1, 2).reshape(-1, problem.window)
    first = Losses()

    def run(units):
        watched = [] if first.means else [first]
        model.fit(x_NTI, y_NT, batch_size=problem.batch_size, epochs=units, shuffle=False, verbose=0, callbacks=watched)
        return first.each() if watched else []

    return Ready({TRAIN: run}, problem.windows, f"keras {keras.__version__}, {keras.backend.backend()}")


serve(prepare)
