"""What a training reports: a record of every epoch, when it looked at the validation series, what it left out."""

from dataclasses import replace

import numpy as np
import pytest

from echo_rnn.core.windows.predictor import Predictor
from echo_rnn.evaluation.classes import mean_loss_and_accuracy
from tests.training.problems import (
    LEFTOVER,
    PLAIN,
    WINDOW,
    WINDOWS,
    assert_same_bits,
    dataset,
    learner,
    network,
    trained,
)


@pytest.mark.parametrize(
    ("epochs", "every", "looks"), [(5, 2, [2, 4, 5]), (4, 2, [2, 4]), (3, 10, [3]), (2, 1, [1, 2]), (1, 1, [1])]
)
def test_validation_comes_every_so_often_and_after_the_last_epoch(epochs, every, looks):
    records = trained(epochs=epochs, validate_every=every).history.epochs
    assert [record.epoch for record in records] == list(range(1, epochs + 1))
    assert [record.epoch for record in records if record.validation_loss is not None] == looks
    assert [record.epoch for record in records if record.validation_score is not None] == looks


def test_every_epoch_is_told_and_kept():
    told = []
    history = trained(epochs=3, on_epoch=told.append).history
    assert history.epochs == told
    assert (history.weights_epoch, history.stopped_early) == (3, False)


def test_a_record_is_the_mean_of_its_own_steps():
    history, losses, accuracies, _ = trained(epochs=2)
    for e, record in enumerate(history.epochs):
        own = slice(e * WINDOWS, (e + 1) * WINDOWS)
        assert record.loss == losses[own].mean(dtype=np.float64)
        assert record.score == accuracies[own].mean(dtype=np.float64)
        assert record.steps_per_second > 0


def test_steps_are_counted_and_timed():
    history, losses, *_ = trained(epochs=2)
    assert history.steps == len(losses) == 2 * WINDOWS == 2 * history.windows
    rates = [record.steps_per_second for record in history.epochs]
    assert sum(WINDOWS / rate for rate in rates) == pytest.approx(history.steady_seconds)
    assert history.validation_seconds > 0
    assert history.preparation.trace_seconds > 0
    assert trained(compile="none").history.preparation.trace_seconds == 0


def test_leftover_steps_are_counted_and_not_trained_on():
    data, other = dataset(), dataset()
    for series in (other.train.x_EBNI, other.train.y):
        series[:, :, WINDOWS * WINDOW :] ^= 1
    outcome = trained(data=data)
    assert outcome.history.leftover_steps == LEFTOVER
    assert_same_bits(trained(data=other), outcome)
    other.train.y[:, :, WINDOWS * WINDOW - 1] ^= 1
    assert not np.array_equal(trained(data=other).losses, outcome.losses)


def test_each_epoch_has_its_own_series():
    one, two = dataset(epochs=2), dataset(epochs=2)
    for series in (two.train.x_EBNI, two.train.y):
        series[1] = series[0]
    ours, theirs = trained(data=one).losses, trained(data=two).losses
    np.testing.assert_array_equal(ours[:WINDOWS], theirs[:WINDOWS])
    assert not np.array_equal(ours[WINDOWS:], theirs[WINDOWS:])


@pytest.mark.parametrize("dropout", [{}, {"between": 0.5, "output": 0.5}])
def test_validation_is_a_prediction_with_the_weights_of_that_moment_and_drops_nothing(dropout):
    pupil, data = learner(network(**dropout)), dataset()
    whole = replace(network(), cells=pupil.model.cells)
    seen, weights = [], []
    trained(pupil, data, on_epoch=lambda record: (seen.append(record), weights.append(pupil.weights)))
    for record, then in zip(seen, weights, strict=True):
        predict = Predictor(whole, lambda then=then: then, PLAIN, WINDOW, "graph")
        chunks = predict(data.validation.x_EBNI[0], data.validation.y[0], leftover=False)
        assert (record.validation_loss, record.validation_score) == mean_loss_and_accuracy(chunks, 2)


def test_validation_and_reports_change_no_weight():
    assert_same_bits(trained(epochs=3, validate_every=1), trained(epochs=3, validate_every=3))
