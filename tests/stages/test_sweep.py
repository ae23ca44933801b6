"""The table of a sweep: seeds put together, failures named."""

import csv

import pytest
from filelock import FileLock

from echo_rnn.config.schema import Tracking
from echo_rnn.errors import UserError
from echo_rnn.stages.job import RESULT, UNFINISHED, require_same
from echo_rnn.stages.runs import runs
from echo_rnn.stages.sweep import SPEED, Summary, log, read_results


def result(overrides, accuracy=None, **more):
    metrics = {"accuracy": accuracy, "accuracy_gap": 1 - accuracy, "loss": 0.5} if accuracy is not None else None
    speed = {"each_step_seconds": 2e-3, "first_call_seconds": 0.5, "steps_seconds": 20.0}
    return {"job": "0", "overrides": overrides, **({"metrics": metrics, "speed": speed} if metrics else {}), **more}


RESULTS = [
    result(["unroll=static", "seed=0"], 0.8),
    result(["unroll=dynamic", "seed=0"], 0.5),
    result(["unroll=static", "seed=1"], 0.6),
    result(["unroll=dynamic", "seed=1"], error="it broke"),
]


def test_rows_are_combinations_over_their_seeds():
    rows = Summary("s", RESULTS).rows
    assert [(row["settings"], row["seeds"]) for row in rows] == [("unroll=static", "2"), ("unroll=dynamic", "1")]
    assert rows[0]["accuracy"] == f"0.700000 ± {0.2 / 2**0.5:.6f}"  # of two values, n - 1 in the denominator
    assert (rows[1]["accuracy"], rows[1]["loss"]) == ("0.500000", "0.500000")
    assert (rows[0]["each step"], rows[1]["each step"]) == ("2 ms ± 0 ns", "2 ms")


def test_what_is_compared_stands_first_and_what_is_equal_is_no_column(capsys):
    summary = Summary("s", [result([f"unroll={name}"], 0.75) for name in ("static", "dynamic")])
    summary.show()
    head, equal = (line for line in summary.markdown().splitlines() if "each step" in line or "equal" in line)
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["settings", "seeds", *SPEED.values()]
    assert "accuracy 0.750000" in equal
    assert equal in capsys.readouterr().out


def on(machine):
    return {"machine": {"cpu": machine, "cores": "2", "threads": "1", "fingerprint": machine.lower()}}


def test_times_of_different_machines_are_never_put_together(tmp_path):
    results = [
        result(["unroll=static", f"seed={seed}"], accuracy, **on(machine))
        for seed, accuracy, machine in ((0, 0.5, "A"), (1, 0.6, "B"), (2, 0.7, "A"))
    ]
    summary = Summary("s", results)
    assert [(row["machine"][0], row["seeds"]) for row in summary.rows] == [("A", "2"), ("B", "1")]
    assert "sweep/best_accuracy" in {name for name, value, _ in summary.metrics() if value == pytest.approx(0.6)}
    assert "machine" not in Summary("s", results[::2]).rows[0]  # on the same, nothing need be told apart
    summary.write(tmp_path / "table.csv")
    assert [row["fingerprint"] for row in csv.DictReader((tmp_path / "table.csv").open())] == ["a", "b", "a"]


def test_the_file_of_a_sweep_has_a_row_for_each_job(tmp_path):
    Summary("s", RESULTS).write(tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [(row["overrides"], row["accuracy"], row["error"]) for row in rows][-2:] == [
        ("unroll=static seed=1", "0.6", ""),
        ("unroll=dynamic seed=1", "", "it broke"),
    ]


def test_failures_are_named_and_counted():
    summary = Summary("s", RESULTS)
    assert "- failed: `unroll=dynamic seed=1`: it broke" in summary.markdown()
    assert {name: value for name, value, _ in summary.metrics()} == {
        "sweep/jobs": 4,
        "sweep/failed": 1,
        "sweep/best_accuracy": pytest.approx(0.7),
        "sweep/fastest_step_seconds": pytest.approx(2e-3),
    }


def test_a_sweep_in_which_everything_failed_has_no_best():
    summary = Summary("s", [RESULTS[-1]])
    assert [name for name, _, _ in summary.metrics()] == ["sweep/jobs", "sweep/failed"]
    summary.show()


def test_a_sweep_that_is_called_again_has_one_summary_with_the_numbers_of_the_last_call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tracking = Tracking(enabled=True, uri=None, experiment="echo")
    for results in (RESULTS, RESULTS[:3]):
        log(tracking, Summary("s", results))
    table = runs()
    assert [*table["tags.summary_of"]] == ["s"]
    assert [*table["status"]] == ["FINISHED"]
    assert (table["metrics.sweep/jobs"][0], table["metrics.sweep/failed"][0]) == (3, 0)


def test_results_are_read_in_the_order_of_their_jobs_and_a_missing_one_has_failed(tmp_path):
    jobs = {str(number): [f"seed={number}"] for number in (0, 2, 3, 10)} | {"b/1": ["seed=1"]}
    for job, overrides in jobs.items():
        (tmp_path / job).mkdir(parents=True)
        RESULT.write(tmp_path / job, result(overrides, 0.5))
    RESULT.write(tmp_path / "2", {"overrides": jobs["2"], "id": "7_2", "error": UNFINISHED})
    (tmp_path / "3/result.json").write_text("{")
    with FileLock(tmp_path / "2/.owner.lock"):
        at_work = read_results(tmp_path)
    found = read_results(tmp_path)
    assert [one["job"] for one in found] == ["0", "2", "3", "10", "b/1"]
    assert [one["job"] for one in found if "error" not in one] == ["0", "10", "b/1"]
    assert found[1]["error"] == UNFINISHED
    assert "3/result.json: expected JSON" in found[2]["error"]
    assert [one["job"] for one in at_work if "at_work" in one] == ["2"]
    assert not any("at_work" in one for one in found)


def test_a_job_of_another_sweep_is_not_overwritten(tmp_path):
    require_same(tmp_path, ["seed=1"])
    RESULT.write(tmp_path, {"overrides": ["seed=1"], "error": UNFINISHED})
    require_same(tmp_path, ["seed=1"])
    with pytest.raises(UserError) as refused:
        require_same(tmp_path, ["seed=2"])
    assert refused.value.code == "sweep.other"


def test_a_job_that_is_at_work_is_not_called_failed(capsys):
    Summary("s", [result(["seed=1"], error=UNFINISHED, id="7_1", at_work="12 on node")]).show()
    out = capsys.readouterr().out
    assert "failed" not in out
    assert all(word in out for word in ("7_1", "12 on node", "seed=1"))
