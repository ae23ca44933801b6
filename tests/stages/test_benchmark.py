"""A sweep that was stopped is resumed: what was measured is not measured again, and is left as it is."""

import pytest

from echo_rnn.benchmark.measure.plan import plan
from echo_rnn.stages.benchmark import measure_missing
from tests.benchmark.shapes import tiny
from tests.benchmark.synthetic import Machine, record

SHAPES = [tiny(), tiny(window=5)]
SLOTS = ("dynamic", "static")
AGREE, DIFFER = Machine(noise=0.02), Machine(offset=0.3)


def planned(folder, slots=SLOTS, more_processes=0):
    return plan(
        folder,
        dict.fromkeys(SHAPES, slots),
        processes=2,
        more_processes=more_processes,
        memory=False,
        fingerprint="f" * 12,
    )


@pytest.fixture
def tasks(tmp_path):
    return planned(tmp_path)


def run(tasks, stop_after=None, machine=AGREE, **options):
    """The tasks that were measured before the run was stopped, in the groups in which they were made."""
    measured = []

    def measure_tasks(tasks, report):
        measured.append([])
        for task in tasks:
            if sum(map(len, measured)) == stop_after:
                raise KeyboardInterrupt
            measured[-1].append(task)
            report({"slot": "dynamic"})
            report({"round": 1, "of": 1})
            yield record({"static": 2.0}, machine, shape=task.shape, seed=task.number)

    try:
        count = measure_missing("sweep", tasks, measure_tasks, **options)
        assert count == sum(map(len, measured))
    except KeyboardInterrupt:
        assert stop_after is not None
    return [group for group in measured if group]


def flat(groups):
    return [task for group in groups for task in group]


def test_a_sweep_that_was_stopped_measures_only_what_is_missing(tasks, capsys):
    assert run(tasks, stop_after=1) == [tasks[:1]]
    first = tasks[0].path.read_bytes()
    assert flat(run(tasks)) == tasks[1:]
    assert "4 processes, 1 measured before" in capsys.readouterr().out
    assert tasks[0].path.read_bytes() == first
    assert run(tasks) == []


def test_finished_ones_are_repeated_on_demand(tasks):
    run(tasks)
    assert flat(run(tasks, repeat=True)) == tasks


def test_one_whose_record_lacks_a_contestant_is_measured_again(tasks, tmp_path):
    run(tasks)
    more = planned(tmp_path, (*SLOTS, "deferred"))
    assert flat(run(more)) == more


def test_the_first_process_of_a_shape_gets_ready_alone_and_later_ones_side_by_side(tasks):
    assert run(tasks, stop_after=3, at_once=2) == [tasks[:1], tasks[1:2], tasks[2:3]]
    assert run(tasks, at_once=2) == [tasks[3:]]
    assert run(tasks, at_once=2, repeat=True) == [tasks[:1], tasks[1:2], tasks[2:]]


def test_more_processes_are_measured_only_while_those_before_do_not_agree(tmp_path):
    tasks = planned(tmp_path, more_processes=2)
    assert flat(run(tasks, machine=DIFFER, at_once=2)) == tasks
    # What is measured again is not reported beside what it replaces.
    assert flat(run(tasks, repeat=True)) == tasks[:4]
    assert [task.path.exists() for task in tasks] == [True] * 4 + [False] * 4
    assert run(tasks) == []
