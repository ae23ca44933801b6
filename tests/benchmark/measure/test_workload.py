"""What is timed is training: the loop's steps are those of a learner, with data that are no part of the graph."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from echo_rnn.benchmark.measure import workload
from echo_rnn.benchmark.measure.workload import Program, draw_data
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.static import static
from tests.benchmark.shapes import tiny
from tests.core.unroll.equality import MODES


def program(shape=None, windows=4, unroll=dynamic):
    shape = shape or tiny()
    made = Program(shape, unroll, draw_data(shape, 0, most_windows=windows), 0)
    return made, made.prepare()


@pytest.mark.parametrize(("mode", "shards"), [*((mode, 1) for mode in MODES), ("xla", 2)])
def test_steps_are_those_of_the_learner_one_by_one_and_come_round_to_the_first_window(mode, shards):
    shape = tiny(compile=mode, shards=shards)
    looped, _ = program(shape)
    losses = np.concatenate([looped.run("train", steps) for steps in (1, 2, 7)])
    single, _ = program(shape)
    (x_WTBI, y_WTB), state, expected = draw_data(shape, 0, most_windows=4), single.zero_state, []
    for step in range(10):
        state, loss, _ = single.learner.step(x_WTBI[step % 4], y_WTB[step % 4], state)
        expected.append(float(loss))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert len(set(expected)) == 10
    for ours, theirs in zip(tf.nest.flatten(looped.state), tf.nest.flatten(state), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_forward_pass_changes_no_weight_and_carries_the_state():
    made, _ = program()
    before = made.learner.snapshot()
    losses = made.run("forward", 5)
    assert losses.shape == (5,)
    assert losses[0] != losses[4]  # the same window after another state
    for one, other in zip(before.weights, made.learner.snapshot().weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_forward_pass_in_shards_is_that_of_one_program():
    losses = [program(tiny(compile="xla", shards=shards))[0].run("forward", 5) for shards in (1, 2)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize(("mode", "shards"), [("graph", 1), ("xla", 2)])
def test_preparing_tells_its_cost_and_leaves_nothing_behind(mode, shards):
    made, cost = program(tiny(compile=mode, shards=shards))
    assert cost.trace_seconds > 0
    assert cost.compile_seconds > 0
    assert cost.first_call_seconds > cost.trace_seconds + cost.compile_seconds
    fresh = Program(tiny(), dynamic, draw_data(tiny(), 0, most_windows=4), 0).learner.snapshot()
    for one, other in zip(made.learner.snapshot().optimizer, fresh.optimizer, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_written_out_graph_grows_with_the_window_and_a_loop_does_not():
    def nodes(unroll, window):
        return program(tiny(window=window), unroll=unroll)[1].graph_nodes

    assert abs(nodes(dynamic, 9) - nodes(dynamic, 5)) < 10
    assert nodes(static, 9) > nodes(static, 5) + 4 * 2 * 20
    assert nodes(static, 5) > nodes(dynamic, 5)


def test_data_are_no_part_of_the_graph():
    (_, few), (_, many) = program(windows=2), program(windows=2000)
    # Names of functions are numbered through the whole process, and grow by digits.
    assert abs(many.graph_bytes - few.graph_bytes) < 10_000 < 2000 * 4 * 2 * 2 * 4


def test_eager_programs_have_no_graph():
    _, cost = program(tiny(compile="none"))
    assert (cost.trace_seconds, cost.compile_seconds, cost.graph_nodes, cost.graph_bytes) == (0, 0, 0, 0)
    assert cost.first_call_seconds > 0


def test_buffers_hold_many_windows_only_where_they_are_small():
    assert len(draw_data(tiny(), 0)[0]) == 256
    assert len(draw_data(tiny(batch_size=256, window=50, inputs=64), 0)[0]) == 5
    assert len(draw_data(tiny(batch_size=1024, window=1000, inputs=8), 0)[0]) == 2


def test_data_are_noise_of_the_shape_and_repeat_with_the_seed():
    (x_WTBI, y_WTB), (again_WTBI, _), (other_WTBI, _) = (draw_data(tiny(), seed) for seed in (0, 0, 1))
    assert x_WTBI.shape == (256, 4, 2, 2)
    assert y_WTB.dtype == tf.int32
    np.testing.assert_array_equal(x_WTBI, again_WTBI)
    assert np.any(x_WTBI != other_WTBI)
    assert abs(np.std(x_WTBI) - 1) < 0.1
    assert abs(np.mean(y_WTB) - 0.5) < 0.1


def test_the_optimizer_is_that_of_the_configuration():
    wanted = yaml.safe_load((Path(__file__).parents[3] / "conf/optimizer/adagrad.yaml").read_text())
    made = workload.optimizer().get_config()
    assert made["name"].startswith(wanted.pop("name"))
    # YAML 1.1 reads 1e-7 as text.
    assert {name: float(value) for name, value in wanted.items()} == {
        name: pytest.approx(made[name]) for name in wanted
    }
