"""DVC's own commands on this pipeline: experiments, queues, metrics, parameters, plots."""

import json
import re
import time

import pytest


def experiments(project):
    """The finished experiments by the strategy that each one chose."""
    (revision,) = (
        entry for entry in json.loads(project.must("dvc", "exp", "show", "--json").out) if entry["experiments"]
    )
    found = {}
    for experiment in revision["experiments"]:
        (last, *_) = experiment["revs"]
        found[last["data"]["params"]["params.yaml"]["data"]["groups"]["unroll"]] = last["data"]["metrics"]
    return found


def run_queue(project, seconds=600):
    """Runs all queued experiments, one after the other.

    `dvc exp run --run-all` would do, but on a busy machine it may wait forever: its worker stops when an answer about
    its own tasks takes more than a second, and then nothing stores the result that is waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        project.must("dvc", "queue", "start", "-j", "1")  # starts no second worker beside one at work
        status = project.must("dvc", "queue", "status").out
        states = re.findall(r"\b(Queued|Running|Success|Failed)\b", status)
        if not {"Queued", "Running"} & set(states):
            return states
        assert time.monotonic() < deadline, status
        time.sleep(2)


@pytest.mark.slow
def test_a_queued_grid_of_experiments(project):
    """One that is not queued: `dvc exp run` of the README."""
    grid = project.must("dvc", "exp", "run", "--queue", "-S", "groups.unroll=partial,wavefront")
    assert grid.out.count("Queued experiment") == 2
    assert run_queue(project) == ["Success"] * 2
    found = experiments(project)
    assert set(found) == {"partial", "wavefront"}
    losses = [metrics["reports/evaluation/metrics.json"]["data"]["loss"] for metrics in found.values()]
    # The same function, rounded differently.
    assert losses == pytest.approx([project.json("reports/evaluation/metrics.json")["loss"]] * 2, rel=1e-4)

    # Queued experiments run in a clone that is deleted; their runs are in the project's own store.
    runs = project.runs()
    assert {run.data.tags["unroll"] for run in runs} == {"partial5", "wavefront"}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert all(run.data.tags["dvc.experiment"] for run in runs)
    assert all("test/accuracy" in run.data.metrics for run in runs)


def test_metrics_parameters_and_plots_are_declared(project):
    shown = json.loads(project.must("dvc", "metrics", "show", "--json").out)[""]["data"]
    assert set(shown) == {
        f"reports/{name}.json" for name in ("training/metrics", "training/speed", "evaluation/metrics")
    }
    assert {"accuracy", "accuracy_ceiling", "loss"} <= set(shown["reports/evaluation/metrics.json"]["data"])

    project.edit("reports/evaluation/metrics.json", '"accuracy": ', '"accuracy": 1')
    changed = json.loads(project.must("dvc", "metrics", "diff", "--json").out)
    assert list(changed["reports/evaluation/metrics.json"]) == ["accuracy"]

    project.edit("params.yaml", "experiment: debug", "experiment: fast")
    assert "groups.experiment" in project.must("dvc", "params", "diff").out

    answer = project.must("dvc", "plots", "show", "--out", "shown")
    page = (project.folder / "shown" / "index.html").read_text()
    assert "Loss by epoch" in page, answer.err
    assert len(list((project.folder / "shown").rglob("*.png"))) == 3


def test_nothing_is_reported_home(project):
    assert project.must("dvc", "config", "core.analytics").out.strip() == "false"
