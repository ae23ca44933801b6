"""The problem that contestants share is read as it was written, and is the seed's task."""

from dataclasses import fields

import numpy as np
import pytest

from echo_rnn.benchmark.measure.draw import draw, require_known
from echo_rnn.benchmark.measure.problem import read
from echo_rnn.errors import UserError
from tests.benchmark.shapes import SEED, tiny


def test_a_problem_is_read_as_it_was_written(tmp_path):
    problem = draw(tiny(layers=3, inputs=1), 1)
    problem.write(tmp_path / "problem")
    assert_equal(problem, read(tmp_path / "problem"))


def test_a_real_target_is_read_as_it_was_written(tmp_path):
    problem = draw(tiny(inputs=1, loss="mse"), 1)
    problem.write(tmp_path / "problem")
    assert problem.y_WTB.dtype == np.float32
    assert problem.outputs == 1
    assert_equal(problem, read(tmp_path / "problem"))


def assert_equal(problem, again):
    for field in fields(problem):
        written, found = getattr(problem, field.name), getattr(again, field.name)
        if field.name == "weights":
            assert all(np.array_equal(*pair) for pair in zip(written, found, strict=True))
        elif isinstance(written, np.ndarray):
            assert written.dtype == found.dtype and np.array_equal(written, found)
        else:
            assert np.float32(written) == np.float32(found)


def test_a_problem_is_the_echo_task_on_series_that_continue_from_window_to_window():
    problem = draw(tiny(inputs=1), 1)
    x_NB = problem.x_WTBI[..., 0].reshape(-1, problem.batch_size)
    y_NB = problem.y_WTB.reshape(-1, problem.batch_size)
    assert np.array_equal(y_NB[3:], x_NB[:-3])
    assert 0.3 < x_NB.mean() < 0.7


def test_the_same_seed_draws_the_same_problem_and_another_seed_another():
    one, same, other = (draw(SEED, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.x_WTBI, same.x_WTBI) and np.array_equal(one.weights[0], same.weights[0])
    assert not np.array_equal(one.x_WTBI, other.x_WTBI)
    assert not np.array_equal(one.weights[0], other.weights[0])


@pytest.mark.parametrize("change", [{"cell": "gru"}, {"inputs": 2}, {"precision": "bfloat16"}])
def test_a_shape_that_not_all_peers_can_train_is_refused(change):
    with pytest.raises(UserError, match=r"sweep\.grids.*lstm.* 1 .*float32") as caught:
        require_known(tiny(**{"inputs": 1, **change}))
    assert caught.value.code == "benchmark.unknown_to_peers"
