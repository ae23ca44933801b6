"""Training stops when the validation loss does not fall any more, and keeps the best weights it has seen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_rnn.training import loop
from echo_rnn.training.early_stop import Memory
from tests.training.problems import learner, trained


class Run:
    """A training whose validation losses are given, with the variables at the end of every epoch."""

    def __init__(self, monkeypatch, losses, **changes):
        told = iter(losses)
        monkeypatch.setattr(loop, "validate", lambda *_: (next(told), 0.5))
        pupil, self.snapshots = learner(), []
        self.history = trained(
            pupil, epochs=len(losses), on_epoch=lambda record: self.snapshots.append(pupil.snapshot()), **changes
        ).history
        self.final = pupil.snapshot()

    @property
    def kept(self):
        """The epoch whose variables, optimizer included, the network has now."""
        return [epoch for epoch, snapshot in enumerate(self.snapshots, 1) if same(snapshot, self.final)]


def same(one, other):
    pairs = zip((*one.weights, *one.optimizer), (*other.weights, *other.optimizer), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("losses", "changes", "epochs", "kept", "early"),
    [
        ([5, 4, 4.5, 4.2, 3, 2], {"patience": 2}, 4, 2, True),
        ([5, 4, 4.5, 3, 2, 1], {"patience": 2}, 6, 6, False),
        ([5, 4, 3, 3.5], {"patience": 2}, 4, 3, False),  # the patience did not run out, the best is kept all the same
        ([5, 4, 4.5, 4.5], {"patience": 2}, 4, 2, False),  # it ran out when training was over anyway
        ([5, 6, 7, 8], {"patience": None}, 4, 4, False),
        ([5, 4.5, 4.2, 1], {"patience": 2, "min_delta": 1.0}, 3, 3, True),  # too little to go on for, yet the best
    ],
)
def test_stops_when_it_should_and_keeps_the_best(losses, changes, epochs, kept, early, monkeypatch):
    run = Run(monkeypatch, losses, **changes)
    assert len(run.history.epochs) == epochs
    assert run.kept == [kept]
    assert run.history.weights_epoch == kept
    assert run.history.stopped_early == early


def test_patience_counts_looks_not_epochs(monkeypatch):
    run = Run(monkeypatch, [1, 2, 3, 0, 0, 0, 0], patience=2, validate_every=2)
    assert (len(run.history.epochs), run.kept) == (6, [2])


@given(
    losses=st.lists(st.floats(0, 10), min_size=1, max_size=12),
    min_delta=st.sampled_from([0.0, 0.5]),
)
def test_the_best_is_the_lowest_seen_and_looks_without_improvement_are_counted(losses, min_delta):
    memory, improved, improve_on = Memory(), 0, math.inf
    for epoch, loss in enumerate(losses, 1):
        memory = memory.look(loss, epoch, f"variables of {epoch}", min_delta)
        if loss < improve_on - min_delta:
            improved, improve_on = epoch, loss
        seen = losses[:epoch]
        assert memory.best_epoch == 1 + seen.index(min(seen))
        assert memory.best == f"variables of {memory.best_epoch}"
        assert memory.looks_without == epoch - improved
