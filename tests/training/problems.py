"""Small trainings: an echo dataset in memory, a network, and settings that a test changes one at a time."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from echo_rnn import training
from echo_rnn.config.schema import Checkpoint, EarlyStop, Trainer
from echo_rnn.core.cells import Gru, Lstm, Rnn
from echo_rnn.core.model import Model
from echo_rnn.core.unroll import Dropout
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.windows.stored import Affine
from echo_rnn.tasks.dataset import Dataset, Split
from echo_rnn.tasks.echo import Echo
from echo_rnn.training.fingerprint import Fingerprint

CELLS = {
    "lstm": lambda units: Lstm(units, forget_bias=1.0),
    "gru": lambda units: Gru(units, reset_after=True),
    "rnn": Rnn,
}
WINDOW, ROWS, ROW_STEPS = 5, 3, 47
WINDOWS, LEFTOVER = 9, 2
CHECKPOINT = Checkpoint(seconds=30.0, keep=3)
PLAIN = Affine(np.zeros(1), np.ones(1))
"""Stored inputs that are taken as they are."""


def split(task, row_steps, seeds):
    series = [task.series(np.random.SeedSequence(seed), task.rows * row_steps) for seed in seeds]
    x_EBN, y_EBN = (np.stack(kind) for kind in zip(*series, strict=True))
    return Split(x_EBN[..., np.newaxis], y_EBN, task.accuracy_ceiling(y_EBN))


def dataset(epochs=2, row_steps=ROW_STEPS, echo_step=2, validation_steps=ROW_STEPS):
    task = Echo(echo_step, ROWS)
    train = split(task, row_steps, range(epochs))
    others = (split(task, validation_steps, [seed]) for seed in (98, 99))
    return Dataset(Path("data"), task.name, {"echo_step": echo_step}, task.ends, train, *others)


def settings(epochs=2, window=WINDOW, compile="graph", scope="block", shards=1, validate_every=1, **others):
    debug = {name: others.pop(name, None) for name in ("overfit", "profile")}
    return Trainer(
        epochs=epochs,
        window=window,
        compile=compile,
        shards=shards,
        scope=scope,
        validate_every=validate_every,
        early_stop=EarlyStop(**{"patience": None, "min_delta": 0.0} | others),
        **debug,
        checkpoint=CHECKPOINT,
    )


def adagrad():
    return keras.optimizers.Adagrad(0.3, initial_accumulator_value=0.1)


def network(cell="rnn", sizes=(4, 3), unroll=dynamic, **dropout):
    return Model(tuple(map(CELLS[cell], sizes)), unroll, 1, 2, Dropout(**dropout))


def learner(model=None, optimizer=None, seed=0, shards=1):
    model = model or network()
    weights_seed, dropout_seed = np.random.SeedSequence(seed).spawn(2)
    weights = model.initial_weights(weights_seed)
    return training.Learner(model, weights, optimizer or adagrad(), seed=dropout_seed, shards=shards)


def checkpoints(folder, settings=CHECKPOINT, **numbers):
    """Checkpoints of a training whose settings are `numbers`."""
    folder.mkdir(exist_ok=True)
    return training.Checkpoints(
        folder, Fingerprint(numbers, {"threads": "2"}), seconds=settings.seconds, keep=settings.keep
    )


class Outcome(NamedTuple):
    history: training.History
    losses: np.ndarray
    scores: np.ndarray
    variables: list[np.ndarray]


def trained(pupil=None, data=None, folder=None, stop_requested=lambda: False, on_epoch=lambda record: None, **changes):
    """The outcome of a training: its history, loss and accuracy of every step, all variables at the end.

    It resumes from the newest checkpoint in `folder`.
    """
    pupil = pupil or learner()
    trainer = settings(**changes)
    data = data or dataset(trainer.epochs)
    with tempfile.TemporaryDirectory() as fresh:
        saved = checkpoints(folder or Path(fresh))
        history = training.Training(pupil, data, trainer, saved, saved.newest()).run(stop_requested, on_epoch)
        snapshot = pupil.snapshot()
        variables = [*snapshot.weights, *snapshot.optimizer]
        return Outcome(history, *np.array(history.log.read().T[:2]), variables)


def assert_same_bits(ours, theirs):
    """Losses and variables are equal, with no tolerance."""
    np.testing.assert_array_equal(ours.losses, theirs.losses)
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    for one, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(one, other)
