"""A search through the real command: trials are pruned; it is stopped and resumed; a worker is killed."""

import contextlib
import csv
import json
import os
import signal

import psutil
import pytest
import yaml
from optuna.trial import TrialState

from tests.pipelines.lives import answer, started, until

pytestmark = pytest.mark.scale

SEARCH = ("python", "-m", "pipelines.search", "experiment=debug", "runtime.threads=1", "trainer.epochs=4")
FOLDER = "searches/debug"
LONG = (
    "trainer.epochs=200",
    "trainer.validate_every=40",
    "trainer.checkpoint.seconds=0",
    "search.prune.after_trials=9",
)


def trials_of(project):
    rows = csv.DictReader((project.folder / FOLDER / "answer/trials.csv").open())
    return [{key: row[key] for key in row if key != "run_id"} for row in rows]


def study_of(project):
    import optuna  # noqa: PLC0415

    return optuna.load_study(study_name="debug", storage=f"sqlite:///{project.folder / FOLDER}/study.db")


def training(project, number):
    """The process of a trial that has saved a checkpoint."""

    def found():
        with contextlib.suppress(OSError, ValueError):
            folder = project.folder / FOLDER / "trials" / str(number)
            if list((folder / "checkpoints").glob("[0-9]*")):
                return psutil.Process(json.loads((folder / ".owner").read_text())["pid"])
        return None

    return until(found)


@pytest.fixture(scope="module")
def searched(fresh, tmp_path_factory):
    project = fresh.copy(tmp_path_factory.mktemp("search") / "echo")
    return project, project.must(*SEARCH)


def test_four_trials_of_which_one_is_pruned(searched):
    project, said = searched
    rows = trials_of(project)
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3"]
    assert {row["state"] for row in rows} == {"complete", "pruned"}
    losses = {row["trial"]: float(row["validation_loss"]) for row in rows if row["state"] == "complete"}
    best = min(losses, key=losses.get)
    (first,) = [line for line in said.out.splitlines() if line.startswith("best: ")]
    assert f"trial {best}:" in first
    runs = {run.data.tags["trial"]: run for run in project.runs() if "trial" in run.data.tags}
    assert {run.data.tags["study"] for run in runs.values()} == {"debug"}
    for row in rows:
        run = runs.pop(row["trial"])
        assert run.info.status == "FINISHED"
        assert ("pruned" in run.data.tags) == (row["state"] == "pruned")
        assert float(run.data.params["optimizer.learning_rate"]) == float(row["optimizer.learning_rate"])
        assert run.data.metrics["validation/loss"] == float(row["validation_loss"])
        assert {"machine.cpu", "machine.threads", "machine.fingerprint"} <= run.data.tags.keys()
    assert not runs
    assert (project.folder / FOLDER / "answer/search.png").is_file()


def test_the_best_configuration_can_be_run_and_the_same_command_has_nothing_left_to_do(searched):
    project, said = searched
    (best,) = [line for line in said.out.splitlines() if line.startswith("best: ")]
    number = best.partition(" trial ")[2].partition(":")[0]
    (project.folder / "params.yaml").write_bytes(project.read(f"{FOLDER}/answer/params.yaml"))
    project.must("python", "-m", "pipelines.compose")
    ours, trial = (
        yaml.safe_load(project.read(f"{place}build/config.yaml")) for place in ("", f"{FOLDER}/trials/{number}/")
    )
    assert {**ours, "search": 0} == {**trial, "search": 0}
    before = trials_of(project)
    again = project.must(*SEARCH)
    assert best in again.out
    assert trials_of(project) == before
    refused = project.run(*SEARCH, "trainer.epochs=5")
    assert refused.code == 2
    assert refused.code_of_error == "search.other"


def test_a_search_that_is_stopped_goes_on_to_the_same_numbers(searched, fresh, tmp_path):
    project = fresh.copy(tmp_path / "echo")
    for number in (signal.SIGTERM, signal.SIGINT):
        with started(project, *SEARCH) as process:
            training(project, 0 if number == signal.SIGTERM else 2)
            os.kill(process.pid, number)
            stopped = answer(process)
        assert stopped.code == 128 + number, stopped.err
        assert not study_of(project).get_trials(states=[TrialState.RUNNING])
    project.must(*SEARCH)
    assert [{**row, "trial": 0} for row in trials_of(project)] == [
        {**row, "trial": 0} for row in trials_of(searched[0])
    ]


def test_the_trial_of_a_killed_worker_is_tried_again_by_another(fresh, tmp_path):
    project = fresh.copy(tmp_path / "echo")
    command = (*SEARCH, *LONG, "search.trials=2")
    with started(project, *command) as first:
        job = training(project, 0)
        with started(project, *command) as second:
            training(project, 1)
            first.kill()
            until(lambda: not job.is_running() or job.status() == psutil.STATUS_ZOMBIE)
            done = answer(second)
    assert done.code == 0, done.err
    study = study_of(project)
    assert sorted(trial.user_attrs["first"] for trial in study.trials) == [0, 0, 1]
    states = {(trial.user_attrs["first"], trial.state) for trial in study.trials}
    assert (0, TrialState.FAIL) in states
    assert {first for first, state in states if state == TrialState.COMPLETE} == {0, 1}
    assert "training resumes after step" in (project.folder / FOLDER / "trials/0/output.txt").read_text()
    (run,) = [run for run in project.runs() if run.data.tags.get("trial") == "0"]
    assert run.info.status == "FINISHED"
