"""Training on real targets, with steps that do not count and a loss that carries a state."""

import itertools
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

from echo_rnn import training
from echo_rnn.core.losses import LOSSES
from echo_rnn.core.model import Model
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.tasks.dataset import Dataset, Split
from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.scaling import Scaling
from tests.core.unroll.equality import MODES
from tests.training.problems import CELLS, ROWS, WINDOW, assert_same_bits, trained

SCALING = Scaling(np.array([2.0, 0.0]), np.array([3.0, 1.0]), np.array([1.0]), np.array([2.0]))
ENDS = Ends("real", 2, 1, SCALING, ("a", "b"), ("a",), (0,))
STEPS = 6 * WINDOW + 2


def split(seed, missing=()):
    """A sum of delayed inputs, with no target in some windows."""
    x_EBNI = np.random.default_rng(seed).normal(2, 3, (1, ROWS, STEPS, 2)).astype(np.float32)
    y = (x_EBNI[..., :1] + np.roll(x_EBNI, 1, axis=2)[..., 1:]) / 2
    for window in missing:
        y[:, :, window * WINDOW : (window + 1) * WINDOW] = np.nan
    return Split(x_EBNI, y)


def data(missing=(), warmup=None):
    return Dataset(Path("data"), "series", {}, ENDS, split(0, missing), split(1), split(2), fresh=False, warmup=warmup)


def pupil(loss="mse", residual=False, shards=1, optimizer=None):
    options = {"pre_emphasis": 0.9, "dc_weight": 1.0} if loss == "esr" else {}
    ends = ENDS.with_residual(residual)
    model = Model(tuple(map(CELLS["lstm"], (4,))), dynamic, 2, 1, residual_inputs=ends.residual_inputs)
    weights = model.initial_weights(np.random.SeedSequence(0))
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    return training.Learner(model, weights, optimizer, loss=LOSSES[loss](**options), shards=shards)


@pytest.mark.parametrize("loss", [name for name, kind in LOSSES.items() if kind.kind == "real"])
def test_a_real_target_is_learnt_from_the_same_series_in_every_epoch(loss):
    outcome = trained(pupil(loss), data(), epochs=40)
    first, last = outcome.history.epochs[0], outcome.history.epochs[-1]
    assert last.loss < 0.5 * first.loss
    assert last.validation_score < 0.7 * first.validation_score


def test_a_residual_head_begins_near_the_input_itself():
    """The target is half its own input and something else, so that the first losses are lower with the input added."""
    plain, residual = (trained(pupil(residual=flag), data(), epochs=1).losses[0] for flag in (False, True))
    assert residual < plain


@pytest.mark.parametrize("mode", MODES)
def test_a_window_in_which_nothing_counts_changes_no_weight(mode):
    """Adam goes on with its momentum where gradients are 0: such a window must be no step at all."""
    seen, learner = [], pupil()
    step = {"epochs": 1, "compile": mode, "scope": "step", "validate_every": 5}
    trained(
        learner, data(missing=range(2, 6), warmup=0), on_epoch=lambda record: seen.append(learner.snapshot()), **step
    )
    short = data(warmup=0)
    two = Split(short.train.x_EBNI[:, :, : 2 * WINDOW], short.train.y[:, :, : 2 * WINDOW])
    again = pupil()
    trained(
        again, Dataset(Path("data"), "s", {}, ENDS, two, short.validation, short.test, fresh=False, warmup=0), **step
    )
    for one, other in zip(seen[0].weights, again.snapshot().weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_steps_that_warm_up_have_no_influence_but_through_the_state():
    one, other = data(warmup=WINDOW + 2), data(warmup=WINDOW + 2)
    other.train.y[:, :, : WINDOW + 2] += 100
    assert_same_bits(trained(pupil(), one, epochs=2), trained(pupil(), other, epochs=2))


def test_the_mean_of_an_epoch_is_over_the_targets_that_count():
    outcome = trained(pupil(), data(missing=[1, 2], warmup=0), epochs=1)
    losses = np.delete(outcome.losses, [1, 2])
    assert (outcome.losses[[1, 2]] == 0).all()
    assert outcome.history.epochs[0].loss == pytest.approx(losses.mean(), rel=1e-6)


def test_shards_add_up_to_the_whole_batch_where_some_steps_do_not_count():
    gaps = data(missing=[1], warmup=2)
    gaps.train.y[0, 0, 3 * WINDOW + 1] = np.nan
    whole, ours = (trained(pupil("esr", shards=count), gaps, compile="xla", shards=count) for count in (1, 3))
    np.testing.assert_allclose(ours.losses, whole.losses, rtol=1e-4)


@pytest.mark.parametrize("stop_after", [1, 5])
def test_a_stopped_training_with_a_filter_and_gaps_goes_on_to_the_same_bits(stop_after):
    from echo_rnn.training.stopping import StoppedError  # noqa: PLC0415

    gaps, step = data(missing=[1], warmup=2), {"epochs": 2, "scope": "step"}
    whole = trained(pupil("esr"), gaps, **step)
    calls = itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(StoppedError):
            trained(pupil("esr"), gaps, Path(folder), lambda: next(calls) == stop_after, **step)
        resumed = trained(pupil("esr"), gaps, Path(folder), **step)
    assert_same_bits(resumed, whole)
