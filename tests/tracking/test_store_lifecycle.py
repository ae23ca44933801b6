"""A run ends the way its block ended, whatever ended it."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from echo_rnn.errors import PrunedError, Terminated
from echo_rnn.tracking import UnknownRunError, open_store
from tests.processes import program
from tests.refusals import refused

OPENS_A_RUN = """
import sys, time
from pathlib import Path
from echo_rnn.tracking import open_store
with open_store(None, "echo", Path(sys.argv[1])).run("child", "d", {}) as run:
    print(run.id, flush=True)
    if len(sys.argv) > 2:
        run.log_config({"seed": 0})
        for first in range(0, 1500, 100):
            run.log_metrics([("loss", float(step), step) for step in range(first, first + 100)])
            run.log_text("x", f"notes/{first}.txt")
    else:
        time.sleep(60)
"""


def start(tmp_path, *arguments):
    return program(OPENS_A_RUN, tmp_path, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_run_finishes(store, client):
    with store.run("name", "what it is", {"sweep": "s"}) as run:
        assert client.get_run(run.id).info.status == "RUNNING"
    found = client.get_run(run.id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "name")
    assert found.data.tags["mlflow.note.content"] == "what it is"
    assert found.data.tags["sweep"] == "s"
    assert found.data.tags["process.pid"] == str(os.getpid())
    assert float(found.data.tags["process.start"]) > 0


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (ValueError("bad"), "FAILED"),
        (PrunedError("after epoch 1"), "FINISHED"),
        (SystemExit(1), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (Terminated(signal.SIGTERM), "KILLED"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value,
)
def test_an_exception_ends_the_run_and_is_raised(store, client, ending, status):
    with pytest.raises(type(ending)), store.run("name", "d", {}) as run:
        raise ending
    assert client.get_run(run.id).info.status == status


def test_sigterm_ends_the_run_as_killed_with_the_exit_code_of_the_signal(store, client, tmp_path):
    child = start(tmp_path)
    run_id = child.stdout.readline().strip()
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 128 + signal.SIGTERM
    assert client.get_run(run_id).info.status == "KILLED"


def test_another_handler_of_sigterm_stays_installed(store):
    def theirs(number, frame):
        pass

    before = signal.signal(signal.SIGTERM, theirs)
    try:
        with store.run("name", "d", {}):
            assert signal.getsignal(signal.SIGTERM) is theirs
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_default_handler_is_installed_again(store):
    with store.run("name", "d", {}):
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_run_in_a_thread(store, client):
    def work():
        with store.run("thread", "d", {}) as run:
            return run.id

    with ThreadPoolExecutor(1) as pool:
        run_id = pool.submit(work).result()
    assert client.get_run(run_id).info.status == "FINISHED"


def test_resume_appends_to_the_run(store, client):
    with pytest.raises(ValueError), store.run("name", "d", {}) as first:
        first.log_metrics([("loss", 1.0, 0)])
        raise ValueError
    with store.resume(first.id) as second:
        while client.get_run(first.id).info.status != "RUNNING":
            time.sleep(0.1)
        second.log_metrics([("loss", 2.0, 1)])
    assert client.get_run(first.id).info.status == "FINISHED"
    assert [metric.value for metric in client.get_metric_history(first.id, "loss")] == [1.0, 2.0]


def test_resume_of_an_unknown_run_is_refused_at_the_call(store):
    with refused("store.unknown_run", "0123456789abcdef", kind=UnknownRunError):
        store.resume("0123456789abcdef0123456789abcdef")


def test_resume_of_a_deleted_run_is_refused(store, client):
    with store.run("name", "d", {}) as run:
        pass
    client.delete_run(run.id)
    with refused("store.unknown_run", run.id, kind=UnknownRunError):
        store.resume(run.id)


@pytest.mark.slow
def test_six_processes_create_the_store_and_lose_nothing(tmp_path):
    children = [start(tmp_path, "log") for _ in range(6)]
    answers = [child.communicate(timeout=300) for child in children]
    assert [child.returncode for child in children] == [0] * 6, answers
    assert [errors for _, errors in answers] == [""] * 6, "MLflow is silent"

    store = open_store(None, "echo", tmp_path)
    from mlflow import MlflowClient  # noqa: PLC0415

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    runs = client.search_runs([store.experiment_id])
    assert {run.info.run_id for run in runs} == {run_id.strip() for run_id, _ in answers}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert [len(client.get_metric_history(run.info.run_id, "loss")) for run in runs] == [1500] * 6
    assert [len(client.list_artifacts(run.info.run_id, "notes")) for run in runs] == [15] * 6


def test_plain_mlflow_in_the_root_sees_the_runs(store, tmp_path, monkeypatch):
    from mlflow import MlflowClient  # noqa: PLC0415

    with store.run("name", "d", {}) as run:
        run.log_text("hello", "notes/hello.txt")
    monkeypatch.chdir(tmp_path)
    plain = MlflowClient("sqlite:///mlflow.db")
    experiment = plain.get_experiment_by_name("echo")
    assert [found.info.run_id for found in plain.search_runs([experiment.experiment_id])] == [run.id]
    assert [file.path for file in plain.list_artifacts(run.id, "notes")] == ["notes/hello.txt"]
    assert experiment.tags["mlflow.note.content"] == "about it"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mlartifacts",
        "mlflow.db",
        "mlflow.db.lock",
        "outbox",
        "outbox.lock",
    ]
    assert list((tmp_path / "outbox").iterdir()) == []
