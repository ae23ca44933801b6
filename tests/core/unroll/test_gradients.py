"""Manual gradients are the derivatives of their own forward pass, and can be differentiated again."""

import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.unroll import window
from echo_rnn.core.unroll.checkpointed import Checkpointed
from echo_rnn.core.unroll.deferred import deferred
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.partial import Partial
from echo_rnn.core.unroll.static import static
from echo_rnn.core.unroll.wavefront import wavefront
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from tests.core.unroll.equality import CELLS, run, stack
from tests.core.unroll.problems import Shape, problem

pytestmark = pytest.mark.xdist_group("gradients")  # in one process, for what is cached

CASE = Shape(steps=3, batch_size=2, sizes=(3, 2))


@pytest.mark.parametrize(
    ("cell", "strategy"),
    [*itertools.product(CELLS, (deferred, wavefront_deferred)), ("lstm", Checkpointed())],  # it asks no cell
)
def test_gradients_are_the_derivatives_of_the_loss(strategy, cell):
    case = problem(cell, CASE, ragged=True, dropped=True)
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


@functools.cache
def second_derivatives(strategy, cell):
    """A function of weights, input and state: the gradients of the first gradients, each weighted at random."""
    case = problem(cell, CASE, ragged=True, dropped=True)
    cells, inputs, (d_h, d_state), masks = stack(case, tf.float64)
    rng = np.random.default_rng(0)
    directions = [rng.normal(size=leaf.shape) for leaf in tf.nest.flatten(inputs)]

    @tf.function(autograph=False)
    def gradients(weights, x_TBI, state):
        with tf.GradientTape() as outer:
            outer.watch((weights, x_TBI, state))
            with tf.GradientTape() as inner:
                inner.watch((weights, x_TBI, state))
                ends = strategy(cells, weights, window(x_TBI, tf.constant(case.lengths), masks), state)
                pairs = zip(*map(tf.nest.flatten, (ends, (d_h, d_state))), strict=True)
                loss = tf.add_n([tf.reduce_sum(a * b) for a, b in pairs])
            first = tf.nest.flatten(inner.gradient(loss, (weights, x_TBI, state)))
            penalty = tf.add_n([tf.reduce_sum(a * b) for a, b in zip(first, directions, strict=True)])
        return outer.gradient(penalty, (weights, x_TBI, state), unconnected_gradients="zero")

    return gradients


def assert_second_derivatives(strategy, cell, case):
    """They are those of steps written out."""
    _, inputs, _, _ = stack(case, tf.float64)
    ours, expected = (tf.nest.flatten(second_derivatives(each, cell)(*inputs)) for each in (strategy, static))
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)  # float64, as in the laws


@pytest.mark.parametrize(
    ("strategy", "cell"),
    [
        *((loop, "lstm") for loop in (dynamic, deferred, wavefront_deferred)),
        *(pytest.param(loop, "gru_before", marks=pytest.mark.slow) for loop in (deferred, wavefront_deferred)),
        # These differentiate the cell's own step, whichever that is.
        *(pytest.param(loop, "rnn", marks=pytest.mark.slow) for loop in (Partial(2), wavefront, Checkpointed())),
    ],
)
def test_second_derivatives_of_a_loop_are_those_of_steps_written_out(strategy, cell):
    assert_second_derivatives(strategy, cell, problem(cell, CASE, ragged=True, dropped=True))


@pytest.mark.parametrize("strategy", [deferred, wavefront_deferred])
def test_a_closed_output_gate_hides_nothing_of_ended_rows(strategy):
    case = problem("lstm", CASE, ragged=True)
    # So far below zero that the gate is 0, beside outputs from before the window that are not.
    closed = [
        layer._replace(bias=layer.bias - 80 * (np.arange(4 * size) >= 3 * size))
        for layer, size in zip(case.weights, CASE.sizes, strict=True)
    ]
    state = [(h + 3, c) for h, c in case.state]
    assert_second_derivatives(strategy, "lstm", replace(case, weights=closed, state=state))
