"""Evaluation against brute force: every target counted one at a time."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from echo_rnn.core.windows.predictor import Chunk, Predictor
from echo_rnn.evaluation.classes import Evaluation, Tally, mean_loss_and_accuracy, tally
from echo_rnn.tasks.echo import Echo
from tests.training.problems import PLAIN, network


def series(rows, steps, seed=0):
    """Bits, targets and logits at random; predictions are right more often than not."""
    rng = np.random.default_rng(seed)
    x_BN, y_BN = rng.integers(0, 2, (2, rows, steps)).astype(np.uint8)
    logits_BNC = rng.normal(size=(rows, steps, 2)) + 0.7 * np.eye(2)[y_BN]
    return x_BN, y_BN, logits_BNC.astype(np.float32)


def chunked(arrays, cuts):
    """The series in chunks that end at `cuts`."""
    edges = [0, *sorted(cuts), arrays[0].shape[1]]
    x_BN, y_BN, logits_BNC = arrays
    series = (x_BN[..., np.newaxis], y_BN, logits_BNC)
    return [Chunk(*(array[:, a:b] for array in series)) for a, b in itertools.pairwise(edges) if a < b]


class BruteForce:
    """One target at a time."""

    def __init__(self, x_BN, y_BN, logits_BNC, window, lags):
        losses, right, at, equal = [], [], [[] for _ in range(window)], [[] for _ in range(lags)]
        self.confusion = np.zeros((2, 2), int)
        for (b, t), y in np.ndenumerate(y_BN):
            predicted = int(logits_BNC[b, t, 1] > logits_BNC[b, t, 0])
            losses.append(-log_softmax(logits_BNC[b, t].astype(np.float64))[y])
            right.append(predicted == y)
            at[t % window].append(predicted == y)
            self.confusion[y, predicted] += 1
            for lag in range(min(lags, t + 1)):
                equal[lag].append(predicted == x_BN[b, t - lag])
        self.loss, self.accuracy, self.targets = np.mean(losses), np.mean(right), len(right)
        self.by_position, self.by_lag = ([np.mean(s) if s else np.nan for s in kind] for kind in (at, equal))


@given(
    rows=st.integers(1, 3),
    steps=st.integers(1, 17),
    cuts=st.lists(st.integers(0, 17), max_size=5),
    window=st.integers(1, 6),
    lags=st.integers(0, 20),
    seed=st.integers(0, 9),
)
def test_a_tally_over_any_chunks_equals_brute_force(rows, steps, cuts, window, lags, seed):
    """Positions and lags go on across chunks, also where a chunk is shorter than a lag."""
    arrays = series(rows, steps, seed)
    truth, ours = BruteForce(*arrays, window, lags), Tally(2, window, lags)
    for chunk in chunked(arrays, [cut for cut in cuts if cut < steps]):
        ours.add(chunk)
    assert (ours.targets, ours.accuracy) == (truth.targets, truth.accuracy)
    assert ours.loss == pytest.approx(truth.loss, rel=1e-12)
    np.testing.assert_array_equal(ours.confusion_CC, truth.confusion)
    np.testing.assert_allclose(ours.by_position_T, truth.by_position, rtol=1e-12)
    np.testing.assert_allclose(ours.by_lag_K, truth.by_lag, rtol=1e-12)


def test_mean_loss_and_accuracy_equal_brute_force():
    arrays = series(3, 40)
    truth = BruteForce(*arrays, 1, 0)
    assert mean_loss_and_accuracy(chunked(arrays, [7, 30]), 2) == pytest.approx((truth.loss, truth.accuracy), rel=1e-12)


def said(logits_BNC):
    """A predictor whose logits are known, in two chunks."""

    def predict(x_BN, y_BN, *, leftover):
        assert leftover
        return iter(chunked((x_BN, y_BN, logits_BNC), [6]))

    return predict


def evaluate(x_BN, y_BN, *, carried, zeroed, window, lags, accuracy_ceiling):
    tallies = (tally(predict(x_BN, y_BN, leftover=True), 2, window, lags) for predict in (carried, zeroed))
    return Evaluation(*tallies, accuracy_ceiling, majority=0.5)


def test_an_evaluation_equals_brute_force():
    (x_BN, y_BN, carried), (_, _, zeroed) = series(3, 41), series(3, 41, seed=1)
    result = evaluate(x_BN, y_BN, carried=said(carried), zeroed=said(zeroed), window=4, lags=9, accuracy_ceiling=0.875)
    truth, without = (BruteForce(x_BN, y_BN, logits, 4, 9) for logits in (carried, zeroed))
    np.testing.assert_array_equal(result.carried.confusion_CC, truth.confusion)
    np.testing.assert_allclose(result.carried.by_position_T, truth.by_position, rtol=1e-12)
    np.testing.assert_allclose(result.zeroed.by_position_T, without.by_position, rtol=1e-12)
    np.testing.assert_allclose(result.carried.by_lag_K, truth.by_lag, rtol=1e-12)
    metrics = result.metrics()
    assert metrics.pop("accuracy_chance") is None
    assert metrics == pytest.approx(
        {
            "accuracy": truth.accuracy,
            "accuracy_ceiling": 0.875,
            "accuracy_gap": 0.875 - truth.accuracy,
            "accuracy_majority": 0.5,
            "loss": truth.loss,
            "perplexity": np.exp(truth.loss),
            "targets": 3 * 41,
        },
        rel=1e-12,
    )


def test_tables_are_json_values_and_say_nothing_where_there_is_no_number():
    x_BN, y_BN, logits_BNC = series(2, 41)
    predict = said(logits_BNC)
    # A window longer than the series leaves positions, and so many lags leave lags, without a target.
    result = evaluate(x_BN, y_BN, carried=predict, zeroed=predict, window=43, lags=42, accuracy_ceiling=1.0)
    tables = json.loads(json.dumps(result.tables(), allow_nan=False))
    assert tables["confusion"] == result.carried.confusion_CC.tolist()
    assert tables["by_position"][41:] == [None, None]
    assert tables["by_position"][:41] == list(result.carried.by_position_T[:41])
    assert tables["by_lag"][41] is None
    assert tables["by_position_zeroed"] == tables["by_position"]


def test_a_loss_too_large_for_a_perplexity_is_still_a_report():
    x_BN, y_BN, logits_BNC = series(2, 41)
    predict = said(1e6 * logits_BNC)
    result = evaluate(x_BN, y_BN, carried=predict, zeroed=predict, window=4, lags=1, accuracy_ceiling=1.0)
    assert result.carried.loss > 1000
    assert result.metrics()["perplexity"] is None


def test_the_sample_is_the_start_of_the_series():
    x_BN, y_BN, logits_BNC = series(2, 41)
    predict = said(logits_BNC)
    result = evaluate(x_BN, y_BN, carried=predict, zeroed=predict, window=1, lags=0, accuracy_ceiling=1.0)
    sample = result.carried.sample
    got = (sample.x_BNI[..., 0], sample.y, sample.outputs_BNC)
    for part, whole in zip(got, (x_BN, y_BN, logits_BNC), strict=True):
        np.testing.assert_array_equal(part, whole[:, :4])


def test_a_network_that_says_nothing_has_perplexity_two():
    x_BN, y_BN, logits_BNC = series(2, 41)
    predict = said(0 * logits_BNC)
    result = evaluate(x_BN, y_BN, carried=predict, zeroed=predict, window=4, lags=1, accuracy_ceiling=1.0)
    assert result.metrics()["perplexity"] == pytest.approx(2, rel=1e-12)
    assert result.carried.accuracy == np.mean(y_BN == 0)


@given(rows=st.integers(1, 6), row_steps=st.integers(1, 40), echo_step=st.integers(0, 45), seed=st.integers(0, 9))
def test_a_perfect_echo_reaches_exactly_the_ceiling(rows, row_steps, echo_step, seed):
    """It echoes its own row and answers 0 as long as there is nothing to echo."""
    task = Echo(echo_step, rows)
    x_BN, y_BN = task.series(np.random.SeedSequence(seed), rows * row_steps)
    echo_BN = np.zeros_like(x_BN)
    if echo_step < row_steps:
        echo_BN[:, echo_step:] = x_BN[:, : row_steps - echo_step]
    predict = said(np.eye(2, dtype=np.float32)[echo_BN] * 30)
    result = evaluate(
        x_BN, y_BN, carried=predict, zeroed=predict, window=4, lags=5, accuracy_ceiling=task.accuracy_ceiling(y_BN)
    )
    assert result.carried.accuracy == result.accuracy_ceiling
    assert result.metrics()["accuracy_gap"] == 0
    if echo_step < min(5, row_steps):
        assert result.carried.by_lag_K[echo_step] == 1


def test_a_real_network_is_evaluated_on_every_target():
    """In the first window there is no state to carry, so that carried and zeroed agree."""
    model = network("lstm")
    weights = model.initial_weights(np.random.SeedSequence(0))
    x_BN, y_BN, _ = series(3, 23)
    carried, zeroed = (Predictor(model, lambda: weights, PLAIN, 5, "graph", zeroed=flag) for flag in (False, True))
    result = evaluate(x_BN[..., None], y_BN, carried=carried, zeroed=zeroed, window=5, lags=3, accuracy_ceiling=1.0)
    assert result.carried.targets == result.carried.confusion_CC.sum() == y_BN.size
    (first,) = zeroed(x_BN[:, :5, None], y_BN[:, :5], leftover=False)
    np.testing.assert_array_equal(result.carried.sample.outputs_BNC[:, :5], first.outputs_BNC)
