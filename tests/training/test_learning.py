"""It learns: on a small echo task accuracy comes near the ceiling that the task states."""

import keras
import pytest

from tests.training.problems import dataset, learner, network, trained


def final_record(cell, echo_step, epochs, row_steps, window):
    pupil = learner(network(cell, sizes=(8,)), keras.optimizers.Adam(0.02))
    data = dataset(epochs, row_steps, echo_step, validation_steps=400)
    outcome = trained(pupil, data, epochs=epochs, window=window, validate_every=epochs, compile="graph")
    return outcome.history.epochs[-1], data.validation.accuracy_ceiling


def test_a_simple_layer_learns_to_echo():
    record, ceiling = final_record("rnn", echo_step=1, epochs=2, row_steps=1500, window=5)
    # Of 1,200 targets at most the two at the start of rows 1 and 2 are luck.
    assert record.validation_score == pytest.approx(ceiling, abs=2.5 / 1200)
    assert record.validation_loss < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gated_layers_learn_the_seeds_echo(cell):
    record, ceiling = final_record(cell, echo_step=3, epochs=6, row_steps=3000, window=10)
    assert record.validation_score == pytest.approx(ceiling, abs=0.01)
