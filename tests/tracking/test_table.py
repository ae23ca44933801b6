"""The runs of a project as a table: one row each, with what was logged, and nothing is made for asking."""

import math

import pytest

import echo_rnn
from tests.refusals import refused


@pytest.fixture
def project(store, tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    for number, sweep in enumerate(["a", "b", "b"]):
        with store.run(f"run{number}", "d", {"sweep": sweep}) as run:
            run.log_config({"model": {"units": number}})
            run.log_metrics([("loss", 2.0, 0), ("loss", number / 2, 1)])
    return tmp_path


def test_a_run_is_a_row_with_what_was_logged(project):
    runs = echo_rnn.runs()
    assert sorted(runs["name"]) == ["run0", "run1", "run2"]
    (one,) = runs[runs["name"] == "run1"].to_dict("records")
    assert (one["experiment"], one["status"], one["params.model.units"]) == ("echo", "FINISHED", "1")
    assert (one["metrics.loss"], one["tags.sweep"]) == (0.5, "b")
    assert one["end"] >= one["start"]
    assert not [name for name in runs if "mlflow." in name]


def test_the_runs_of_a_sweep_are_asked_for_by_its_tag(project):
    assert sorted(echo_rnn.runs(sweep="b")["name"]) == ["run1", "run2"]
    none = echo_rnn.runs(sweep="c")
    assert (len(none), list(none)) == (0, ["run_id", "name", "experiment", "status", "start", "end"])


def test_more_runs_than_a_page_are_all_there(project, monkeypatch):
    monkeypatch.setattr("echo_rnn.tracking.table._PAGE", 2)
    assert len(echo_rnn.runs()) == 3


def test_what_a_run_did_not_log_is_missing(project, store):
    with store.run("other", "d", {}) as run:
        run.log_metrics([("accuracy", 1.0, 0)])
    runs = echo_rnn.runs().set_index("name")
    assert math.isnan(runs.loc["other", "metrics.loss"])
    assert math.isnan(runs.loc["run0", "metrics.accuracy"])


def test_without_a_store_there_is_a_sentence_and_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    with refused("store.none", "mlflow.db"):
        echo_rnn.runs()
    assert list(tmp_path.iterdir()) == []
