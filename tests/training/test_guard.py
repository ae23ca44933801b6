"""Numbers that go bad end the training with a sentence, and the last good variables are on disk."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest

from echo_rnn.errors import UserError
from echo_rnn.training import checkpoint, loop
from echo_rnn.training.guard import Guard
from tests.training.problems import WINDOWS, dataset, learner, trained


class BadAt(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is `bad` for one step, from 0, and so makes the weights bad right after it."""

    def __init__(self, step, bad):
        self.step, self.bad = step, bad

    def __call__(self, step):
        return keras.ops.where(keras.ops.equal(step, self.step), self.bad, 0.1)


def spoilt(step, bad=np.nan):
    return learner(optimizer=keras.optimizers.SGD(BadAt(step, bad)))


def assert_kept(file, steps, expected):
    """`file` holds exactly the variables `expected`, all finite, after `steps` steps."""
    kept, kept_steps = checkpoint.load(file)
    assert kept_steps == steps
    for one, other in zip((*kept.weights, *kept.optimizer), (*expected.weights, *expected.optimizer), strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("mode", "bad"), [("none", np.inf), ("graph", np.nan), ("xla", np.nan), ("graph", np.inf)])
def test_a_bad_loss_is_named_and_the_variables_before_are_kept(mode, bad, tmp_path):
    """Weights that the fourth step of epoch 2 makes bad give a bad loss at the fifth."""
    file, pupil, snapshots = tmp_path / "last_good.npz", spoilt(WINDOWS + 3, bad), []
    expected = rf"expected a finite loss, got -?(nan|inf) at step {WINDOWS + 5} \(epoch 2, window 5\); lower "
    with pytest.raises(UserError, match=expected) as caught:
        trained(pupil, compile=mode, last_good=file, on_epoch=lambda record: snapshots.append(pupil.snapshot()))
    assert f"the variables after step {WINDOWS} are kept in {file}" in str(caught.value)
    assert_kept(file, WINDOWS, snapshots[0])


def test_a_bad_first_step_leaves_the_first_variables(tmp_path):
    pupil = spoilt(0)
    start = pupil.snapshot()
    with pytest.raises(UserError, match=r"at step 2 \(epoch 1, window 2\)"):
        trained(pupil, last_good=tmp_path / "last_good.npz")
    assert_kept(tmp_path / "last_good.npz", 0, start)


@pytest.mark.parametrize("scope", ["step", "block"])
def test_weights_that_the_very_last_step_spoils_are_noticed(scope, tmp_path):
    last = 2 * WINDOWS
    expected = rf"expected finite weights .*, got NaN or infinity after step {last} \(epoch 2, window {WINDOWS}\)"
    with pytest.raises(UserError, match=expected):
        trained(spoilt(last - 1), epochs=2, scope=scope, last_good=tmp_path / "last_good.npz")
    assert checkpoint.load(tmp_path / "last_good.npz")[0].is_finite


def test_an_infinite_average_of_the_optimizer_is_noticed(tmp_path):
    """Adagrad with an infinite sum of squares gives finite losses for ever and learns nothing."""
    pupil = learner()
    start = pupil.snapshot()
    averages = [np.full_like(array, np.inf) if array.ndim else array for array in start.optimizer]
    pupil.restore(replace(start, optimizer=averages))
    with pytest.raises(UserError, match=rf"optimizer averages, got NaN or infinity after step {WINDOWS} "):
        trained(pupil, last_good=tmp_path / "last_good.npz")


def test_a_bad_validation_loss_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "mean_loss_and_accuracy", lambda chunks: (np.inf, 0.5))
    with pytest.raises(UserError, match=rf"expected a finite validation loss, got inf after step {WINDOWS} "):
        trained(last_good=tmp_path / "last_good.npz")
    assert checkpoint.load(tmp_path / "last_good.npz")[1] == WINDOWS


def test_variables_are_copied_between_epochs_too_but_not_all_the_time(tmp_path, monkeypatch):
    now, copies = [0.0], []
    pupil = learner()
    snapshot = pupil.snapshot
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def slow_snapshot():
        now[0] += 1.0
        copies.append(now[0])
        return snapshot()

    monkeypatch.setattr(pupil, "snapshot", slow_snapshot)
    guard = Guard(pupil, tmp_path / "last_good.npz", WINDOWS)
    for step in range(1, 1001):
        now[0] += 0.1
        guard.check_losses(np.ones(1, np.float32), step)
    # 100 s of training: a copy that takes 1 s is made after every 20 s, besides the first.
    assert len(copies) == 1 + 5


def test_too_few_series_are_named():
    with pytest.raises(UserError, match=re.escape("trainer.epochs: expected at most 2, one for each training series")):
        trained(data=dataset(epochs=2), epochs=3)


def test_what_was_kept_can_be_trained_on(tmp_path):
    pupil = learner()
    trained(pupil)
    checkpoint.save(tmp_path / "kept", pupil.snapshot(), 18)  # whatever the name
    kept, steps = checkpoint.load(tmp_path / "kept")
    other = learner(seed=1)
    other.restore(kept)
    assert steps == 18
    assert_kept(tmp_path / "kept", 18, other.snapshot())


def test_snapshots_are_not_views_of_what_the_next_step_writes_to():
    pupil = learner()
    snapshot = pupil.snapshot()
    copy = replace(snapshot, weights=[array.copy() for array in snapshot.weights])
    trained(pupil, epochs=1)
    for one, other in zip(snapshot.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(one, other)
