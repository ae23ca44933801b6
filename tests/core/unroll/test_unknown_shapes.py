"""A graph made before the number of rows, or of time steps, is known computes the same function."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.core.unroll import window
from echo_rnn.core.unroll.block import block
from tests.core.unroll.equality import CELLS, assert_same, stack
from tests.core.unroll.problems import TWO_LAYERS, problem
from tests.core.unroll.test_laws import STRATEGIES, TOLERANCE, TOLERANCE_32

LOOPS = {label: STRATEGIES[label] for label in labels() if label in STRATEGIES and not get_strategy(label).needs_steps}


def arguments(case, dtype=tf.float64):
    """What a traced graph is called with."""
    _, (_, x_TBI, state), (d_h, d_state), masks = stack(case, dtype)
    return x_TBI, state, d_h, d_state, masks, *(() if case.lengths is None else (tf.constant(case.lengths),))


def traced(unroll, case, mode, *, steps, dtype=tf.float64):
    """As `equality.run`, a graph that knows T only where `steps` is given, and never B; for `arguments`."""
    cells, (weights, _, _), _, _ = stack(case, dtype)

    def outputs_and_gradients(x_TBI, state, d_h, d_state, masks, *lengths):
        with tf.GradientTape() as tape:
            tape.watch((weights, x_TBI, state))
            h_TBS, after = unroll(cells, weights, window(x_TBI, *(lengths or (None,)), masks), state)
            products = tf.nest.map_structure(lambda part, d: tf.reduce_sum(part * d), (h_TBS, after), (d_h, d_state))
            loss = tf.add_n(tf.nest.flatten(products))
        return h_TBS, after, tape.gradient(loss, (weights, x_TBI, state), unconnected_gradients="zero")

    def unknown(tensor):
        front = {1: (None,), 2: (None,), 3: (steps, None)}[tensor.shape.rank]
        return tf.TensorSpec((*front, *tensor.shape[len(front) :]), tensor.dtype)

    return tf.function(
        outputs_and_gradients,
        input_signature=tf.nest.map_structure(unknown, arguments(case, dtype)),
        jit_compile=mode == "xla",
        autograph=False,
    )


def turns(strategies, loops):
    """Strategy × mode, cells and lengths in turn; of each strategy one mode runs in the quick set.

    XLA knows all shapes when it compiles the same graph. How loops meet it is seen where the number of steps is
    unknown, too; here it compiles steps that are written out, which takes seconds, once.
    """
    for s, strategy in enumerate(strategies):
        for m, mode in enumerate(("graph", *(["xla"] if loops or strategy == "static" else []))):
            cell, ragged = list(CELLS)[(s + m) % len(CELLS)], (s // 2 + m) % 2 == 0
            name = f"{strategy}-{cell}-{mode}-{'ragged' if ragged else 'full'}"
            quick = m == (s % 2 if loops else 0)
            yield pytest.param(strategy, cell, mode, ragged, id=name, marks=[] if quick else pytest.mark.slow)


def first_row(case):
    """The problem of the first row alone."""
    state, d_state = ([tuple(part[:1] for part in layer) for layer in states] for states in (case.state, case.d_state))
    x, d_h, *masks = (array[:, :1] for array in (case.x, case.d_h, *case.masks))
    lengths = None if case.lengths is None else case.lengths[:1]
    return replace(case, x=x, state=state, d_h=d_h, d_state=d_state, masks=tuple(masks), lengths=lengths)


@pytest.mark.parametrize(("strategy", "cell", "mode", "ragged"), [*turns(STRATEGIES, loops=False)])
def test_rows_need_not_be_known_and_may_be_a_single_one(strategy, cell, mode, ragged):
    case = problem(cell, TWO_LAYERS, ragged=ragged, dropped=ragged)
    graph = traced(STRATEGIES[strategy], case, mode, steps=TWO_LAYERS.steps)
    assert_same(graph(*arguments(case)), case.answer, TOLERANCE)
    if mode == "graph":
        # Where one number of rows is unknown, an axis of size 1 could be taken for one to be broadcast.
        single = first_row(case)
        assert_same(graph(*arguments(single)), single.answer, TOLERANCE)


@pytest.mark.parametrize(("strategy", "cell", "mode", "ragged"), [*turns(LOOPS, loops=True)])
def test_time_steps_need_not_be_known_to_a_loop(strategy, cell, mode, ragged):
    case = problem(cell, TWO_LAYERS, ragged=ragged, dropped=ragged)
    assert_same(traced(LOOPS[strategy], case, mode, steps=None)(*arguments(case)), case.answer, TOLERANCE)


@pytest.mark.parametrize("steps", [TWO_LAYERS.steps, None])
@pytest.mark.parametrize("ragged", [False, True])
def test_block_kernel_needs_to_know_neither(ragged, steps):
    case = problem("lstm", TWO_LAYERS, ragged=ragged)
    graph = traced(block, case, "graph", steps=steps, dtype=tf.float32)
    assert_same(graph(*arguments(case, tf.float32)), case.answer, TOLERANCE_32)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_rows_may_be_unknown_and_all_empty(strategy):
    case = problem("lstm", TWO_LAYERS)
    cells, (weights, x_TBI, _), _, _ = stack(case, tf.float64)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec((5, None, 2), tf.float64), tf.TensorSpec(None, tf.int32)]
    )
    def outputs(x_TBI, lengths_B):
        rows = tf.shape(x_TBI)[1]
        lengths_B = tf.reshape(lengths_B, (-1,))
        zeros = tuple(cell.zero_state(rows, tf.float64) for cell in cells)
        return STRATEGIES[strategy](cells, weights, window(x_TBI, lengths_B), zeros)[0]

    np.testing.assert_array_equal(outputs(x_TBI, tf.zeros(3, tf.int32)), np.zeros((5, 3, 3)))
