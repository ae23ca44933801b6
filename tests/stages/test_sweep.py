"""The table of a sweep: seeds put together, failures named."""

import csv

import pytest

from echo_rnn.stages.job import RESULT
from echo_rnn.stages.sweep import SPEED, Summary, read_results


def result(overrides, accuracy=None, **more):
    metrics = {"accuracy": accuracy, "accuracy_gap": 1 - accuracy, "loss": 0.5} if accuracy is not None else None
    speed = {"each_step_seconds": 2e-3, "first_call_seconds": 0.5, "steps_seconds": 20.0}
    return {"overrides": overrides, **({"metrics": metrics, "speed": speed} if metrics else {}), **more}


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


def test_results_are_read_in_the_order_of_their_jobs_and_a_missing_one_has_failed(tmp_path):
    jobs = [[f"seed={number}"] for number in range(12)]
    for number in (0, 2, 3, 10):
        (tmp_path / str(number)).mkdir()
        if number != 2:
            RESULT.write(tmp_path / str(number), result([f"seed={number}"], 0.5))
    (tmp_path / "3/result.json").write_text("{")
    found = read_results(tmp_path, jobs)
    assert [one["overrides"] for one in found] == jobs
    assert [number for number, one in enumerate(found) if "error" not in one] == [0, 10]
    assert found[1]["error"] == "was not started"
    assert found[2]["error"] == "ended without a result"
    assert "3/result.json: expected JSON" in found[3]["error"]
