"""The problem that contestants share comes back from its file as it was, and is the seed's task."""

from dataclasses import fields

import numpy as np
import pytest

from echo_rnn.errors import UserError
from echo_rnn.peers.draw import draw, require_known
from echo_rnn.peers.problem import read
from tests.peers.shapes import SEED, tiny


def test_a_problem_comes_back_from_its_file(tmp_path):
    problem = draw(tiny(layers=3), np.random.SeedSequence(1))
    problem.write(tmp_path / "problem")
    again = read(tmp_path / "problem")
    for field in fields(problem):
        written, came = getattr(problem, field.name), getattr(again, field.name)
        if field.name == "weights":
            assert all(np.array_equal(*pair) for pair in zip(written, came, strict=True))
        elif isinstance(written, np.ndarray):
            assert written.dtype == came.dtype and np.array_equal(written, came)
        else:
            assert np.float32(written) == np.float32(came)


def test_a_problem_is_the_echo_task_on_rows_that_go_on_from_window_to_window():
    problem = draw(tiny(), np.random.SeedSequence(1))
    x_NB = problem.x_WTBI[..., 0].reshape(-1, problem.rows)
    y_NB = problem.y_WTB.reshape(-1, problem.rows)
    assert np.array_equal(y_NB[3:], x_NB[:-3])
    assert 0.3 < x_NB.mean() < 0.7


def test_the_same_seed_draws_the_same_problem_and_another_seed_another():
    one, same, other = (draw(SEED, np.random.SeedSequence(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.x_WTBI, same.x_WTBI) and np.array_equal(one.weights[0], same.weights[0])
    assert not np.array_equal(one.x_WTBI, other.x_WTBI)
    assert not np.array_equal(one.weights[0], other.weights[0])


@pytest.mark.parametrize("change", [{"cell": "gru"}, {"inputs": 2}, {"precision": "bfloat16"}])
def test_a_shape_that_not_all_know_is_refused(change):
    with pytest.raises(UserError, match="expected cell lstm, inputs 1 and precision float32"):
        require_known(tiny(**change))
