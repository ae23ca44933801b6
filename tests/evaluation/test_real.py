"""Scores and baselines of real targets against brute force: whole series at once, whatever the pieces."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_rnn.evaluation.baselines import LinearFilter, Persistence, fit
from echo_rnn.evaluation.real import RealEvaluation, RealTally, Sums

ROWS, STEPS, INPUTS, TARGETS, WINDOW = 3, 40, 2, 2, 7
CUTS = st.lists(st.integers(1, STEPS - 1), max_size=4)


def series(seed=0):
    """Inputs, targets, predictions, and whether a step counts."""
    rng = np.random.default_rng(seed)
    x_BNI, y_BNK = rng.normal(2, 1, (ROWS, STEPS, INPUTS)), rng.normal(1, 2, (ROWS, STEPS, TARGETS))
    return x_BNI, y_BNK, y_BNK + rng.normal(0, 0.5, y_BNK.shape), rng.random((ROWS, STEPS)) < 0.8


def pieces(cuts, *arrays):
    edges = [0, *sorted(set(cuts)), STEPS]
    return [tuple(array[:, a:b] for array in arrays) for a, b in itertools.pairwise(edges)]


@given(cuts=CUTS)
def test_scores_of_any_pieces_equal_those_of_whole_series(cuts):
    _, y_BNK, predicted_BNK, counted_BN = series()
    tally = RealTally(WINDOW, 5)
    for predicted, y, counted in pieces(cuts, predicted_BNK, y_BNK, counted_BN):
        tally.add(predicted, y, counted)
    y_NK, error_NK = y_BNK[counted_BN], (y_BNK - predicted_BNK)[counted_BN]
    squared_K = np.square(error_NK).sum(axis=0)
    found = tally.sums.metrics()
    assert found["esr_db"] == pytest.approx(10 * np.log10((squared_K / np.square(y_NK).sum(axis=0)).mean()))
    assert found["r2"] == pytest.approx(1 - (squared_K / np.square(y_NK - y_NK.mean(axis=0)).sum(axis=0)).mean())
    assert found["rmse"] == pytest.approx(np.sqrt(np.square(error_NK).mean(axis=0)).mean())
    assert found["mae"] == pytest.approx(np.abs(error_NK).mean())
    at_T = [
        np.sqrt(np.square((y_BNK - predicted_BNK)[:, t::WINDOW][counted_BN[:, t::WINDOW]]).mean())
        for t in range(WINDOW)
    ]
    np.testing.assert_allclose(tally.by_position_T, at_T)


def test_a_ratio_without_a_denominator_is_none_and_nothing_counted_is_no_error():
    silent, nothing = Sums(), RealTally(WINDOW, 5)
    silent.add(np.ones((1, 4, 1)), np.zeros((1, 4, 1)), np.ones((1, 4), bool))
    assert (silent.metrics()["esr_db"], silent.metrics()["r2"], silent.metrics()["rmse"]) == (None, None, 1.0)
    y_BNK = np.full((1, 9, 1), np.nan)
    nothing.add(y_BNK, y_BNK, np.zeros((1, 9), bool))
    assert nothing.sums.steps == 0
    assert np.isnan(nothing.by_position_T).all()


def test_the_worst_place_and_the_spectrum_of_an_error_are_found():
    steps, bad = 4096, slice(3000, 3010)
    y_BNK = np.random.default_rng(0).normal(size=(2, steps, 1))
    predicted_BNK = y_BNK - 0.1 * np.sin(2 * np.pi * 0.25 * np.arange(steps))[:, np.newaxis]
    predicted_BNK[1, bad] += 50
    tally, counted_BN = RealTally(WINDOW, 100), np.ones((2, steps), bool)
    for start in (0, 2048):
        piece = tuple(each[:, start : start + 2048] for each in (predicted_BNK, y_BNK, y_BNK, counted_BN))
        tally.look(*piece)
        tally.add(piece[0], piece[1], piece[3])
    assert tally.worst.row == 1
    assert tally.worst.first <= bad.start
    assert bad.stop <= tally.worst.first + len(tally.worst.y_NK)
    np.testing.assert_array_equal(tally.worst.y_NK, y_BNK[1, tally.worst.first :][: len(tally.worst.y_NK)])

    tally = RealTally(WINDOW, 100)
    predicted_BNK[1, bad] -= 50
    tally.look(predicted_BNK, y_BNK, y_BNK, counted_BN)
    frequencies, _, error = tally.spectra
    assert frequencies[error.argmax()] == pytest.approx(0.25, abs=0.01)


def test_a_baseline_stands_beside_each_score_and_each_target_by_its_name():
    _, y_BNK, predicted_BNK, counted_BN = series()
    tally, guess = RealTally(WINDOW, 5), Sums()
    tally.add(predicted_BNK, y_BNK, counted_BN)
    guess.add(np.zeros_like(y_BNK), y_BNK, counted_BN)
    found = RealEvaluation(tally, tally, {"persistence": guess}, ("level", "flow")).metrics()
    assert {f"{name}_persistence" for name in ("esr_db", "r2", "rmse", "mae")} < set(found)
    assert found["esr_db_persistence"] == pytest.approx(0.0)
    assert {"rmse_of_level", "mae_of_flow"} < set(found)
    assert found["targets"] == counted_BN.sum()


@given(cuts=CUTS, steps=st.integers(1, 6))
def test_persistence_repeats_the_newest_target_that_is_known(cuts, steps):
    x_BNI, y_BNK, _, _ = series()
    guess = Persistence(steps)
    found = np.concatenate([guess(*piece) for piece in pieces(cuts, x_BNI, y_BNK)], axis=1)
    np.testing.assert_array_equal(found[:, steps:], y_BNK[:, :-steps])
    assert not found[:, :steps].any()


@given(cuts=CUTS)
def test_a_linear_filter_finds_the_filter_that_made_the_targets(cuts):
    x_BNI, _, _, counted_BN = series()
    delayed = [np.pad(x_BNI, ((0, 0), (lag, 0), (0, 0)))[:, :STEPS] for lag in range(3)]
    y_BNK = np.stack([delayed[0][..., 0] - 2 * delayed[2][..., 1], 0.5 * delayed[1][..., 0] + 3], axis=-1)
    noisy = np.where(counted_BN[..., np.newaxis], y_BNK, 1e3)  # what does not count is not fitted
    predict = fit(x_BNI, noisy, counted_BN, most_taps=5)
    found = np.concatenate([predict(*piece) for piece in pieces(cuts, x_BNI, y_BNK)], axis=1)
    np.testing.assert_allclose(found, y_BNK, atol=1e-4)


def test_a_linear_filter_sees_no_input_after_a_step():
    x_BNI, y_BNK, _, _ = series()
    kernel = np.random.default_rng(1).normal(size=(4 * INPUTS + 1, TARGETS))
    changed = x_BNI.copy()
    changed[:, 20:] += 1
    one, other = (LinearFilter(kernel, 4)(inputs, y_BNK) for inputs in (x_BNI, changed))
    np.testing.assert_array_equal(one[:, :20], other[:, :20])
    assert (one[:, 20] != other[:, 20]).all()
