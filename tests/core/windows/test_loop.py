"""The compiled loop runs the windows it is told to, in order, with the state carried."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.windows.loop import WindowLoop
from tests.core.unroll.equality import MODES

SIZE, STEPS, ROWS = 6, 2, 3
X_WTB = np.random.default_rng(0).integers(0, 2, (SIZE, STEPS, ROWS)).astype(np.uint8)
ZERO = ((tf.zeros(ROWS),),)
OUTPUTS = [tf.TensorSpec((ROWS,), tf.float32), tf.TensorSpec((), tf.float32)]


def digits(arrays, state):
    """Appends the window's ones to the state as a decimal digit: it tells which windows ran and in which order."""
    (x_TB,), ((digits_B,),) = arrays, state
    digits_B = 10 * digits_B + tf.reduce_sum(tf.cast(x_TB, tf.float32), axis=0)
    return ((digits_B,),), [digits_B, tf.reduce_sum(digits_B)]


def expected(first, count, state=0.0):
    states = []
    for ones in X_WTB.sum(axis=1)[first : first + count]:
        state = 10.0 * state + ones
        states.append(state)
    return np.array(states).reshape(count, ROWS)


@pytest.mark.parametrize("mode", MODES)
def test_runs_the_windows_asked_for_in_order(mode):
    loop = WindowLoop(digits, OUTPUTS, mode)
    loop.prepare([X_WTB], ZERO)
    for first, count in ((0, SIZE), (2, 3), (5, 1), (0, 1)):
        ((state_B,),), (digits_CB, sums_C) = loop([X_WTB], first, count, ZERO)
        np.testing.assert_array_equal(digits_CB, expected(first, count))
        np.testing.assert_array_equal(sums_C, expected(first, count).sum(axis=1))
        np.testing.assert_array_equal(state_B, digits_CB[-1])


@pytest.mark.parametrize("mode", MODES)
def test_calls_after_each_other_are_one_call(mode):
    loop = WindowLoop(digits, OUTPUTS, mode)  # without `prepare`
    state, (before, _) = loop([X_WTB], 0, 2, ZERO)
    _, (after, _) = loop([X_WTB], 2, 4, state)
    np.testing.assert_array_equal(np.concatenate([before, after]), expected(0, SIZE))


@pytest.mark.parametrize("mode", MODES)
def test_preparing_runs_no_window_and_tells_its_cost(mode):
    counter = tf.Variable(0)

    def counting(arrays, state):
        counter.assign_add(1)
        return digits(arrays, state)

    loop = WindowLoop(counting, OUTPUTS, mode)
    preparation = loop.prepare([X_WTB], ZERO)
    assert counter.numpy() == 0
    assert preparation.windows == 0
    loop([X_WTB], 1, 4, ZERO)
    assert counter.numpy() == 4
    compiled = mode != "none"
    assert (preparation.trace_seconds > 0, preparation.compile_seconds > 0) == (compiled, compiled)


def test_preparing_in_shards_runs_the_first_window_and_says_so():
    seen = tf.Variable(tf.zeros(ROWS))

    def noting(arrays, state):
        state, outputs = digits(arrays, state)
        seen.assign_add(outputs[0])
        return state, outputs

    loop = WindowLoop(noting, OUTPUTS, "xla", shards=2)
    assert loop.prepare([X_WTB], ZERO).windows == 1
    np.testing.assert_array_equal(seen, expected(0, 1)[0])


def test_one_trace_serves_every_count():
    traces = []

    def noting(arrays, state):
        traces.append(arrays)
        return digits(arrays, state)

    loop = WindowLoop(noting, OUTPUTS, "graph")
    loop.prepare([X_WTB], ZERO)
    made = len(traces)
    for count in (1, 3, SIZE):
        loop([X_WTB], 0, count, ZERO)
    assert len(traces) == made


def test_outputs_of_few_windows_do_not_keep_those_of_the_whole_buffer():
    _, outputs = WindowLoop(digits, OUTPUTS, "graph")([X_WTB], 0, 1, ZERO)
    assert all(output.base is None for output in outputs)
