"""Non-finite numbers end the training with an error, and the last finite variables are on disk."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from echo_rnn.errors import UserError
from echo_rnn.training import guard, loop
from echo_rnn.training.guard import Guard, NonFiniteError
from echo_rnn.training.stopping import StoppedError
from tests.training.problems import WINDOWS, checkpoints, dataset, learner, trained


@pytest.fixture
def unhurried(monkeypatch):
    """However slow the machine is: variables are looked at at the end of an epoch and not between."""
    monkeypatch.setattr(guard, "_SECONDS_BETWEEN_LOOKS", 3600.0)


class BadAt(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is `bad` for one step, from 0, and so makes the weights bad right after it."""

    def __init__(self, step, bad):
        self.step, self.bad = step, bad

    def __call__(self, step):
        return keras.ops.where(keras.ops.equal(step, self.step), self.bad, 0.1)


def spoilt(step, bad=np.nan, shards=1):
    return learner(optimizer=keras.optimizers.SGD(BadAt(step, bad)), shards=shards)


def assert_saved(folder, steps, expected=None):
    """The newest checkpoint holds finite variables after `steps` steps, and exactly `expected`."""
    newest = checkpoints(folder).newest()
    assert newest.steps == steps
    assert newest.is_finite
    for one, other in zip(*map(variables, (newest.variables, expected or newest.variables)), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_found(error, where, *values):
    assert error.code == "training.non_finite"
    assert where in error.finding
    assert all(value in error.finding for value in values), error.finding


def variables(snapshot):
    return [*snapshot.weights, *snapshot.optimizer]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(
    ("mode", "bad", "shards"),
    [("none", np.inf, 1), ("graph", np.nan, 1), ("xla", np.nan, 1), ("graph", np.inf, 1), ("xla", np.nan, 2)],
)
def test_a_bad_loss_is_named_and_the_variables_before_are_kept(mode, bad, shards, tmp_path):
    """Weights that the fourth step of epoch 2 makes bad give a bad loss at the fifth."""
    pupil, snapshots = spoilt(WINDOWS + 3, bad, shards=shards), []
    with pytest.raises(NonFiniteError) as caught:
        trained(
            pupil,
            compile=mode,
            shards=shards,
            folder=tmp_path,
            on_epoch=lambda record: snapshots.append(pupil.snapshot()),
        )
    assert_found(caught.value, f"at step {WINDOWS + 5} (epoch 2, window 5)", "finite loss")
    assert any(f"got {value} " in caught.value.finding for value in ("nan", "inf", "-inf"))
    assert all(f"{part}" in str(caught.value) for part in ("optimizer.learning_rate", f"step {WINDOWS},", tmp_path))
    assert_saved(tmp_path, WINDOWS, snapshots[0])


@pytest.mark.usefixtures("unhurried")
def test_the_same_training_again_ends_at_the_same_step(tmp_path):
    """What is kept is where the training stood: it comes to the same bad number, and does not hide it."""
    for _ in range(2):
        with pytest.raises(NonFiniteError, match=rf"at step {WINDOWS + 5} "):
            trained(spoilt(WINDOWS + 3), folder=tmp_path)
    assert_saved(tmp_path, WINDOWS)


@pytest.mark.usefixtures("unhurried")
def test_a_bad_first_step_leaves_the_first_variables(tmp_path):
    pupil = spoilt(0)
    start = pupil.snapshot()
    with pytest.raises(NonFiniteError) as caught:
        trained(pupil, folder=tmp_path)
    assert_found(caught.value, "at step 2 (epoch 1, window 2)")
    assert_saved(tmp_path, 0, start)


@pytest.mark.parametrize("scope", ["step", "block"])
def test_weights_that_the_very_last_step_spoils_are_noticed(scope, tmp_path):
    last = 2 * WINDOWS
    with pytest.raises(NonFiniteError) as caught:
        trained(spoilt(last - 1), epochs=2, scope=scope, folder=tmp_path)
    assert_found(caught.value, f"after step {last} (epoch 2, window {WINDOWS})", "weights")
    assert checkpoints(tmp_path).newest().is_finite


@pytest.mark.usefixtures("unhurried")
def test_an_infinite_average_of_the_optimizer_is_noticed(tmp_path):
    """Adagrad with an infinite sum of squares gives finite losses for ever and learns nothing."""
    pupil = learner()
    start = pupil.snapshot()
    averages = [np.full_like(array, np.inf) if array.ndim else array for array in start.optimizer]
    pupil.restore(replace(start, optimizer=averages))
    with pytest.raises(NonFiniteError) as caught:
        trained(pupil, folder=tmp_path)
    assert_found(caught.value, f"after step {WINDOWS} ", "optimizer averages")


def test_a_bad_validation_loss_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "validate", lambda *_: (np.inf, 0.5))
    with pytest.raises(NonFiniteError) as caught:
        trained(folder=tmp_path)
    assert_found(caught.value, f"after step {WINDOWS} ", "validation loss", "inf")
    assert_saved(tmp_path, WINDOWS)


def test_variables_are_copied_between_epochs_too_but_not_all_the_time(tmp_path, monkeypatch):
    now, copies, progress = [0.0], [], saved(tmp_path)
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def slow_copy():
        now[0] += 1.0
        copies.append(now[0])
        return progress

    own = Guard(slow_copy, lambda progress: tmp_path, WINDOWS)
    for step in range(1, 1001):
        now[0] += 0.1
        own.check_losses(np.ones(1, np.float32), step)
    # 100 s of training: a copy that takes 1 s is made after every 20 s, besides the first.
    assert len(copies) == 1 + 5


def saved(folder):
    """The progress of a training that is about to begin."""
    with pytest.raises(StoppedError):
        trained(folder=folder, stop_requested=lambda: True)
    return checkpoints(folder).newest()


def test_too_few_series_are_named():
    with pytest.raises(UserError) as caught:
        trained(data=dataset(epochs=2), epochs=3)
    assert caught.value.code == "training.too_few_series"
    assert str(caught.value).startswith("trainer.epochs: expected at most 2, ")


def test_snapshots_are_not_views_of_what_the_next_step_writes_to():
    pupil = learner()
    snapshot = pupil.snapshot()
    copy = replace(snapshot, weights=[array.copy() for array in snapshot.weights])
    trained(pupil, epochs=1)
    for one, other in zip(snapshot.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(one, other)
