"""The gradients written by hand are the slopes of their own forward pass."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.unroll import window
from echo_rnn.unroll.checkpointed import Checkpointed
from echo_rnn.unroll.deferred import deferred
from echo_rnn.unroll.wavefront_deferred import wavefront_deferred
from tests.unroll.equality import CELLS, run, stack
from tests.unroll.problems import Shape, problem


@pytest.mark.parametrize("strategy", [deferred, wavefront_deferred, Checkpointed()])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_the_slopes_of_the_loss(strategy, cell):
    case = problem(cell, Shape(steps=3, rows=2, sizes=(3, 2)), ragged=True, dropped=True)
    cells, inputs, (d_h, d_state), masks = stack(case, tf.float64)
    _, _, gradients = run(strategy, case, "graph")

    @tf.function(autograph=False)
    def loss(*leaves):
        weights, x_TBI, state = tf.nest.pack_sequence_as(inputs, leaves)
        outputs = strategy(cells, weights, window(x_TBI, tf.constant(case.lengths), masks), state)
        return sum(tf.reduce_sum(a * b) for a, b in zip(*map(tf.nest.flatten, (outputs, (d_h, d_state))), strict=True))

    rng, step = np.random.default_rng(0), 1e-6
    leaves = tf.nest.flatten(inputs)
    for index, gradient in enumerate(tf.nest.flatten(gradients)):
        direction = rng.normal(size=gradient.shape)
        ends = [loss(*leaves[:index], leaves[index] + end * direction, *leaves[index + 1 :]) for end in (step, -step)]
        # Truncation is about step² and rounding about eps/step, both near 1e-10 of values around 1.
        expected = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(tf.reduce_sum(gradient * direction), expected, rtol=1e-6, atol=1e-8)
