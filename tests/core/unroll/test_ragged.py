"""Rows of different lengths: what stands past a row's end is nobody's business."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.core.unroll.equality import assert_same, run
from tests.core.unroll.problems import TWO_LAYERS, problem
from tests.core.unroll.test_laws import RAGGED, STRATEGIES


@pytest.mark.parametrize("strategy", RAGGED)
def test_lengths_of_a_graph_hide_padding_that_is_not_a_number_and_end_with_the_window(strategy):
    # A graph whose lengths and input are arguments is made once and called with each case of them.
    case = problem("lstm", TWO_LAYERS, ragged=True)
    traced = tf.function(
        lambda lengths_B, x_TBI: run(STRATEGIES[strategy], replace(case, lengths=lengths_B, x=x_TBI), "none"),
        autograph=False,
    )
    x_TBI = tf.constant(case.x)
    assert_same(traced(tf.constant(case.lengths), x_TBI), case.answer, tolerance=1e-10)
    made = traced.experimental_get_tracing_count()  # two where Keras's layer makes its variables in the first
    padded = case.x.copy()
    for row, length in enumerate(case.lengths):
        padded[length:, row] = np.nan
    assert_same(traced(tf.constant(case.lengths), tf.constant(padded)), case.answer, tolerance=1e-10)
    past_the_window = tf.constant([TWO_LAYERS.steps, 9, 2**31 - 1])
    assert_same(traced(past_the_window, x_TBI), replace(case, lengths=None).answer, tolerance=1e-10)
    assert traced.experimental_get_tracing_count() == made
