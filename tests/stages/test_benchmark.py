"""A sweep that was stopped is resumed: what was measured is not measured again, and is left as it is."""

import pytest

from echo_rnn.benchmark.measure.plan import plan
from echo_rnn.stages.benchmark import measure_missing
from tests.benchmark.shapes import tiny
from tests.benchmark.synthetic import record

SHAPES = [tiny(), tiny(window=5)]
SLOTS = ("dynamic", "static")


@pytest.fixture
def tasks(tmp_path):
    return plan(tmp_path, dict.fromkeys(SHAPES, SLOTS), processes=2, memory=False, fingerprint="f" * 12)


def run(tasks, stop_after=None, **options):
    """The tasks that were measured before the run was stopped."""
    measured = []

    def measure_task(task, report):
        if len(measured) == stop_after:
            raise KeyboardInterrupt
        measured.append(task)
        report({"slot": "dynamic"})
        report({"round": 1, "of": 1})
        return record({"static": 2.0}, shape=task.shape)

    try:
        count = measure_missing("sweep", tasks, measure_task, **options)
        assert count == len(measured)
    except KeyboardInterrupt:
        assert stop_after is not None
    return measured


def test_a_sweep_that_was_stopped_measures_only_what_is_missing(tasks, capsys):
    assert run(tasks, stop_after=1) == tasks[:1]
    first = tasks[0].path.read_bytes()
    assert run(tasks) == tasks[1:]
    assert "4 processes, 1 measured before" in capsys.readouterr().out
    assert tasks[0].path.read_bytes() == first
    assert run(tasks) == []


def test_finished_ones_are_repeated_on_demand(tasks):
    run(tasks)
    assert run(tasks, repeat=True) == tasks


def test_one_whose_record_lacks_a_contestant_is_measured_again(tasks, tmp_path):
    run(tasks)
    more = plan(tmp_path, dict.fromkeys(SHAPES, (*SLOTS, "deferred")), processes=2, memory=False, fingerprint="f" * 12)
    assert run(more) == more
