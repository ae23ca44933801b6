"""Predictions along a series equal NumPy's: state carried or zeroed, leftovers as a shorter window, in any chunks."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.model import Model, flat
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.windows import predictor
from echo_rnn.core.windows.predictor import Predictor
from echo_rnn.core.windows.stored import Affine
from tests.core.unroll.equality import MODES
from tests.oracle import Stack, Weights
from tests.training.problems import network

ROWS, STEPS, WINDOW = 3, 23, 5
X_BN, Y_BN = np.random.default_rng(0).integers(0, 2, (2, ROWS, STEPS)).astype(np.uint8)
MODEL = network("lstm")
WEIGHTS = MODEL.initial_weights(np.random.SeedSequence(0))
# Float32 has 7 digits; logits are around 1 and the sums short.
TOLERANCE = 1e-6
PLAIN = Affine(np.zeros(1), np.ones(1))


def oracle(x_BN, window):
    """Logits `[B, N, C]` with the state zeroed every `window` steps."""
    flat_weights = [array.numpy().astype(np.float64) for array in flat(WEIGHTS)]
    kernel, bias = flat_weights[-2:]
    parts = []
    for start in range(0, x_BN.shape[1], window):
        stack = Stack("lstm", [Weights(*flat_weights[i : i + 3]) for i in (0, 3)])
        state = [(np.zeros((len(x_BN), size)),) * 2 for size in (4, 3)]
        h, _ = stack.forward(x_BN.T[start : start + window, :, None].astype(np.float64), state)
        parts.append(h @ kernel + bias)
    return np.concatenate(parts).transpose(1, 0, 2)


def joined(chunks):
    """One chunk of all: x, y and logits along the rows."""
    kinds = zip(*((chunk.x_BNI[..., 0], chunk.y, chunk.outputs_BNC) for chunk in chunks), strict=True)
    return [np.concatenate(kind, axis=1) for kind in kinds]


def predict(mode="graph", leftover=True, steps=STEPS, **options):
    predictor = Predictor(MODEL, lambda: WEIGHTS, PLAIN, WINDOW, mode, **options)
    return list(predictor(X_BN[:, :steps, None], Y_BN[:, :steps], leftover=leftover))


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_logits_equal_the_oracle_on_every_step(mode, zeroed):
    x_BN, y_BN, logits_BNC = joined(predict(mode, zeroed=zeroed))
    np.testing.assert_array_equal(x_BN, X_BN)
    np.testing.assert_array_equal(y_BN, Y_BN)
    np.testing.assert_allclose(logits_BNC, oracle(X_BN, WINDOW if zeroed else STEPS), atol=TOLERANCE)


@pytest.mark.parametrize("steps", [1, 4, 5, 20, 21])
def test_leftover_steps_are_a_shorter_window_or_not_run(steps):
    _, _, logits_BNC = joined(predict(steps=steps))
    np.testing.assert_allclose(logits_BNC, oracle(X_BN[:, :steps], steps), atol=TOLERANCE)
    whole = steps - steps % WINDOW
    without = predict(steps=steps, leftover=False)
    assert sum(chunk.y.shape[1] for chunk in without) == whole
    if whole:
        np.testing.assert_array_equal(joined(without)[2], logits_BNC[:, :whole])


@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_several_buffers_are_one(size, zeroed, monkeypatch):
    whole = predict(zeroed=zeroed)
    monkeypatch.setattr(predictor, "capacity", lambda *shape: size)  # four windows: the last buffer of three is padded
    chunks = predict(zeroed=zeroed)
    assert len(chunks) > len(whole)
    for one, other in zip(joined(chunks), joined(whole), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("mode", MODES)
def test_weights_are_read_when_it_runs(mode):
    variable = tf.Variable(1.0)

    def scaled_head():
        return WEIGHTS._replace(head=tf.nest.map_structure(lambda part: part * variable, WEIGHTS.head))

    scaled = Predictor(MODEL, scaled_head, PLAIN, WINDOW, mode)
    once = joined(scaled(X_BN[..., None], Y_BN, leftover=False))[2]
    variable.assign(2.0)
    np.testing.assert_allclose(joined(scaled(X_BN[..., None], Y_BN, leftover=False))[2], 2 * once, rtol=1e-6)


def test_series_start_from_a_zero_state_and_share_what_is_compiled():
    traces = []

    def noting(*arguments):
        traces.append(arguments)
        return dynamic(*arguments)

    again = Predictor(Model(MODEL.cells, noting, 1, 2), lambda: WEIGHTS, PLAIN, WINDOW, "graph")
    first = joined(again(X_BN[..., None], Y_BN, leftover=True))
    made = len(traces)
    for one, other in zip(joined(again(X_BN[..., None], Y_BN, leftover=True)), first, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(traces) == made
