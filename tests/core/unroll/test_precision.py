"""Matrix products in bfloat16: gradients stay near those of float32, for every strategy that has such products."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.cells import CellWeights, Lstm, Rnn
from echo_rnn.core.unroll import window
from tests.core.unroll.equality import CELLS, names, run
from tests.core.unroll.problems import USUAL, problem
from tests.core.unroll.test_laws import STRATEGIES
from tests.core.unroll.test_unknown_shapes import LOOPS

# Bfloat16 keeps 8 binary digits, so each rounding is off by up to 2^-9 of the value. Through three layers and five
# steps and back that has grown to 0.03 of the largest value, as measured.
TOLERANCE = 0.05


def narrow(strategy):
    """`strategy` with cells whose products are in bfloat16."""

    def unroll(cells, *arguments):
        return STRATEGIES[strategy]([replace(cell, precision=tf.bfloat16) for cell in cells], *arguments)

    return unroll


def errors(ours, answer):
    """How far each tensor is off, relative to the largest value in it."""
    h, state, gradients = answer
    expected = (h, tuple(state), (tuple(gradients.weights), gradients.x, tuple(gradients.state)))
    pairs = zip(tf.nest.flatten(ours), tf.nest.flatten(expected), strict=True)
    return dict(zip(names(expected), [np.abs(a - b).max() / np.abs(b).max() for a, b in pairs], strict=True))


def gentle(case):
    """A problem with half the weights, so that errors grow as little with the steps as in a trained network."""
    return replace(case, weights=[type(layer)(*(array / 2 for array in layer)) for layer in case.weights])


def turns():
    """Strategy × cell eagerly, and each strategy once compiled, with cells in turn, which is in the quick set.

    Precision belongs to a cell's product, which is the same code in each mode.
    """
    for (s, strategy), (c, cell) in itertools.product(enumerate(STRATEGIES), enumerate(CELLS)):
        yield pytest.param(strategy, cell, "none", id=f"{strategy}-{cell}-none", marks=pytest.mark.slow)
        if c == s % len(CELLS):
            mode = "xla" if strategy.startswith(("wavefront", "deferred")) else "graph"
            yield pytest.param(strategy, cell, mode, id=f"{strategy}-{cell}-{mode}")


@pytest.mark.parametrize(("strategy", "cell", "mode"), [*turns()])
def test_gradients_stay_near_float32(strategy, cell, mode):
    case = gentle(problem(cell, USUAL, ragged=True, dropped=True))
    off = errors(run(narrow(strategy), case, mode, tf.float32), case.answer)
    assert max(off.values()) < TOLERANCE
    assert off["outputs"] > 1e-4  # it is not float32 that ran


@pytest.mark.parametrize("strategy", [*LOOPS, "partial5", "checkpointed"])
def test_sums_over_time_are_not_rounded_to_bfloat16(strategy):
    # Without weights each step adds 1 to the gradient of the input's weights, and in bfloat16 256 + 1 is 256.
    steps = 1000
    cell = Rnn(1, precision=tf.bfloat16)
    weights = CellWeights(tf.zeros((1, 1)), tf.zeros((1, 1)), tf.zeros(1))

    @tf.function(autograph=False)
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(weights)
            h_TBS, _ = STRATEGIES[strategy]([cell], [weights], window(tf.ones((steps, 1, 1))), ((tf.zeros((1, 1)),),))
        return tape.gradient(h_TBS, weights).kernel_IG

    assert gradient() == steps


def test_state_is_carried_in_float32():
    # A cell state that grows by a little at each step would stand still in bfloat16, where 1 + 1/512 is 1.
    steps, gates = 64, tf.constant([-6.0, 20.0, 20.0, 0.0])  # i = 1/404, f = 1, g = 1
    cell = Lstm(1, tf.bfloat16, forget_bias=1.0)
    weights = CellWeights(tf.zeros((1, 4)), tf.zeros((1, 4)), gates)
    state = ((tf.zeros((1, 1)), tf.ones((1, 1))),)
    _, ((_, c_BS),) = STRATEGIES["dynamic"]([cell], [weights], window(tf.zeros((steps, 1, 1))), state)
    np.testing.assert_allclose(c_BS, 1 + steps * tf.sigmoid(-6.0), rtol=1e-5)
