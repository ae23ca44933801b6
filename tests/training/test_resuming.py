"""A training that was stopped between two calls and resumed gives what one without a break gives, to the bit."""

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from echo_rnn.training import loop
from echo_rnn.training.stopping import StoppedError
from tests.training.problems import assert_same_bits, learner, network, trained
from tests.training.test_repeatable import Counts

pytestmark = pytest.mark.xdist_group("resuming")  # in one process, for what is cached

BLOCK = 4
# Two blocks of four windows and one of one, and the end of the epoch.
PLACES_OF_AN_EPOCH = 4
PLACES = 1 + 2 * PLACES_OF_AN_EPOCH  # the first one before anything is done


def pupil():
    return learner(network("rnn", between=0.3, output=0.2))


def at(place):
    """Requests a stop at a place, counted from 1."""
    counted = itertools.count(1)
    return lambda: next(counted) == place


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    monkeypatch.setattr(loop, "Pace", lambda: Counts(BLOCK))


def finished(folder, stop_requested, **settings):
    """The outcome of a training that is stopped again and again, and how often it began."""
    for lives in itertools.count(1):
        try:
            return trained(pupil(), folder=folder, stop_requested=stop_requested(), **settings), lives
        except StoppedError:
            continue


def assert_same(ours, theirs):
    assert_same_bits(ours, theirs)
    untimed = [[replace(r, steps_per_second=0) for r in one.history.epochs] for one in (ours, theirs)]
    assert untimed[0] == untimed[1]
    for name in ("steps", "weights_epoch", "stopped_early", "leftover_steps"):
        assert getattr(ours.history, name) == getattr(theirs.history, name)


@cache
def uninterrupted(**settings):
    return trained(pupil(), **settings)


@pytest.mark.parametrize("place", range(1, PLACES + 1))
def test_at_every_place(place, tmp_path):
    stop_requested = iter([at(place), lambda: False])
    outcome, lives = finished(tmp_path, lambda: next(stop_requested), compile="none")
    assert lives == 2
    assert_same(outcome, uninterrupted(compile="none"))


def test_after_every_call(tmp_path):
    outcome, lives = finished(tmp_path, lambda: at(2), compile="graph")
    assert lives == PLACES
    assert_same(outcome, uninterrupted(compile="graph"))


@pytest.mark.slow
def test_within_epochs_under_xla(tmp_path):
    outcome, lives = finished(tmp_path, lambda: at(PLACES_OF_AN_EPOCH), compile="xla")
    assert lives == 3
    assert_same(outcome, uninterrupted(compile="xla"))


@pytest.mark.parametrize("scope", ["step", "block"])
def test_where_buffers_begin_elsewhere(scope, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "capacity", lambda *shape: 5)
    outcome, lives = finished(tmp_path, lambda: at(3), compile="none", scope=scope)
    assert lives > 3
    assert_same(outcome, uninterrupted(compile="none"))


def test_early_stopping_remembers(tmp_path, monkeypatch):
    """The best variables, and how long it has waited."""
    told = {1: 5.0, 2: 3.0, 3: 4.0, 4: 3.5, 5: 3.4, 6: 1.0}

    def losses():
        seen = itertools.count(1)
        monkeypatch.setattr(loop, "validate", lambda *_: (told[next(seen)], 0.5))

    losses()
    whole = trained(pupil(), compile="none", epochs=6, patience=3)
    losses()
    outcome, lives = finished(tmp_path, lambda: at(3), compile="none", epochs=6, patience=3)
    assert lives > 5
    assert (outcome.history.weights_epoch, len(outcome.history.epochs)) == (2, 5)
    assert outcome.history.stopped_early
    assert_same(outcome, whole)


def test_seconds_add_up_over_lives(tmp_path):
    outcome, _ = finished(tmp_path, lambda: at(3), compile="none")
    history = outcome.history
    of_epochs = [history.windows / record.steps_per_second for record in history.epochs]
    assert sum(of_epochs) == pytest.approx(history.steady_seconds)
    assert history.validation_seconds > 0


def test_epochs_are_told_once(tmp_path):
    told = []
    finished(tmp_path, lambda: at(2), compile="none", epochs=3, on_epoch=told.append)
    assert [record.epoch for record in told] == [1, 2, 3]


def test_what_was_trained_on_is_what_remains(tmp_path):
    """Stopped within an epoch, the losses on disk are those of the steps that are done, no more."""
    with pytest.raises(StoppedError, match="stopped after step 8 of 18"):
        trained(pupil(), folder=tmp_path, compile="none", stop_requested=at(3))
    losses = np.fromfile(tmp_path / "steps.f32", np.float32).reshape(-1, 3)[:, 0]
    np.testing.assert_array_equal(losses, uninterrupted(compile="none").losses[:8])
