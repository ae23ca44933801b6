"""Rows of different lengths: what stands past a row's end is nobody's business."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.core.unroll.equality import assert_same, run
from tests.core.unroll.problems import USUAL, problem
from tests.core.unroll.test_laws import RAGGED, STRATEGIES


@pytest.mark.parametrize("strategy", RAGGED)
def test_padding_changes_nothing_even_where_it_is_not_a_number(strategy):
    case = problem("lstm", USUAL, ragged=True)
    padded = case.x.copy()
    for row, length in enumerate(case.lengths):
        padded[length:, row] = np.nan
    same = replace(case, x=padded)
    assert_same(run(STRATEGIES[strategy], same, "graph"), case.answer, tolerance=1e-10)


@pytest.mark.parametrize("strategy", RAGGED)
def test_lengths_past_the_window_are_the_window(strategy):
    case = problem("gru_after", USUAL)
    long = replace(case, lengths=np.array([5, 9, 2**31 - 1], np.int32))
    assert_same(run(STRATEGIES[strategy], long, "graph"), case.answer, tolerance=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", RAGGED)
def test_lengths_need_not_be_known_when_the_graph_is_made(strategy):
    case = problem("rnn", USUAL, ragged=True)
    traced = tf.function(lambda lengths_B: run(STRATEGIES[strategy], Traced(case, lengths_B), "none"), autograph=False)
    assert_same(traced(tf.constant(case.lengths)), case.answer, tolerance=1e-10)


class Traced:
    """A problem whose lengths are an argument of the graph."""

    def __init__(self, case, lengths):
        self.case, self.lengths = case, lengths

    def __getattr__(self, name):
        return getattr(self.case, name)
