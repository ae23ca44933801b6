"""A sweep's measurements: the first of every shape before the second of any, and none that has been made."""

from dataclasses import replace

import pytest

from echo_rnn.benchmark.measure.plan import plan
from echo_rnn.benchmark.measure.records import Record
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.errors import UserError
from tests.benchmark.synthetic import prepared

SMALL = Shape("lstm", 1, 2, 3, 4, 1, "float32", "graph", 1)
SHAPES = [SMALL, replace(SMALL, window=5)]


def tasks(folder, memory=False):
    slots = dict.fromkeys(SHAPES, ("dynamic", "static"))
    return plan(folder, slots, processes=2, memory=memory, fingerprint="f" * 12)


def record(task):
    return Record(
        shape=task.shape,
        fingerprint="f" * 12,
        environment={},
        load=(0.0, 0.0),
        peak_gflops=None,
        prepared={} if task.memory else {label: prepared() for label in task.slots},
        samples=[],
        memory_bytes=dict.fromkeys(task.slots, 1) if task.memory else {},
    )


def test_every_shape_is_measured_before_any_is_measured_twice(tmp_path):
    assert [(task.shape, task.number) for task in tasks(tmp_path)] == [
        (shape, number) for number in range(2) for shape in SHAPES
    ]


def test_memory_is_measured_strategy_by_strategy(tmp_path):
    alone = [task for task in tasks(tmp_path, memory=True) if task.memory]
    assert [(task.shape, task.slots) for task in alone] == [
        (shape, (label,)) for shape in SHAPES for label in ("dynamic", "static")
    ]


def test_extra_measurements_come_after_all_others(tmp_path):
    slots = dict.fromkeys(SHAPES, ("dynamic",))
    every = plan(tmp_path, slots, processes=1, more_processes=1, memory=False, fingerprint="f" * 12)
    assert [(task.number, task.extra) for task in every] == [(0, False)] * 2 + [(1, True)] * 2


def test_every_task_has_a_record_of_its_own(tmp_path):
    every = tasks(tmp_path, memory=True)
    assert len({task.path for task in every}) == len(every)


@pytest.mark.parametrize("memory", [False, True])
def test_a_task_is_finished_when_its_record_holds_all_its_strategies(tmp_path, memory):
    task = next(task for task in tasks(tmp_path, memory=True) if task.memory == memory)
    assert not task.is_finished
    record(task).write(task.path)
    assert task.is_finished
    assert not replace(task, slots=(*task.slots, "deferred")).is_finished


def test_a_damaged_record_is_not_taken_for_a_finished_one(tmp_path):
    task = tasks(tmp_path)[0]
    record(task).write(task.path)
    task.path.write_text(task.path.read_text()[:-40])
    with pytest.raises(UserError, match=task.path.name):
        assert task.is_finished
