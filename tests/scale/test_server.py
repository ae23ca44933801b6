"""Runs in PostgreSQL and artifacts in S3 behind a server; each of the three is killed, and comes back or not."""

import json
import os
import subprocess
import sys

import psycopg
import pytest

from echo_rnn.tracking import deliver_all, open_store, services
from tests.pipelines.lives import answer, started, until_saved
from tests.tracking.test_server_gone import Child, client_of, outboxes, require_all

pytestmark = pytest.mark.scale

TRAIN, SHORT = ("python", "-m", "pipelines.train"), ("experiment=debug", "trainer.compile=graph")
LOADS = (
    "import sys, numpy, mlflow; print(mlflow.pyfunc.load_model(sys.argv[1]).predict(numpy.zeros((5, 7, 1), 'f')).shape)"
)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_", "AWS_"))]:
        monkeypatch.delenv(name)


def finished_runs(address, experiment):
    client = client_of(address)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert {run.info.status for run in found} == {"FINISHED"}
    return [run for run in found if "test/accuracy" in run.data.metrics]


def test_a_sweep_is_in_the_database_and_in_the_bucket_and_its_models_load_without_keys(unused, running):
    to = ("tracking=server", f"tracking.uri={running.address}", "tracking.experiment=sweep")
    unused.must(*TRAIN, "-m", *SHORT, "hydra/launcher=joblib", "runtime.threads=1", "seed=0,1", *to)
    first, second = finished_runs(running.address, "sweep")
    assert {first.data.params["seed"], second.data.params["seed"]} == {"0", "1"}
    assert not (unused.folder / "mlflow.db").exists()
    assert not list((unused.folder / "outbox").iterdir())

    with psycopg.connect(running.settings.database) as connection:
        (stored,) = connection.execute("SELECT status FROM runs WHERE run_uuid = %s", [first.info.run_id]).fetchone()
    assert stored == "FINISHED"
    listed = services.s3_client(running.settings).list_objects_v2(Bucket=services.ARTIFACTS)["Contents"]
    names = {each["Key"].partition(first.info.run_id)[2] for each in listed if first.info.run_id in each["Key"]}
    assert "/artifacts/figures/curves.png" in names

    variables = os.environ | {"MLFLOW_TRACKING_URI": running.address}
    command = [sys.executable, "-c", LOADS, f"runs:/{first.info.run_id}/{first.info.run_name}"]
    loaded = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert loaded.stdout.strip().endswith("(5, 7, 2)"), loaded.stderr


@pytest.mark.parametrize("comes_back", [True, False], ids=["back", "away"])
@pytest.mark.parametrize("name", services.NAMES)
def test_one_that_is_killed_in_mid_run_costs_nothing(name, comes_back, running, tmp_path):
    child = Child(tmp_path, running.address)
    child.log(0, 50)
    running.kill(name)
    child.log(50, 2500)
    if comes_back:
        running.back()
        child.log(2500, 2600)
        child.wait_at_end(300)
        assert child.end() == (0, "")
        steps = 2600
    else:
        child.wait_at_end(2)
        code, said = child.end()
        assert code == 0
        assert "`python -m pipelines.deliver`" in said
        assert outboxes(tmp_path) == [child.run_id]
        running.back()
        assert deliver_all(running.address, tmp_path) == 1
        steps = 2500
    assert {"notes/0.txt", "notes/50.txt"} <= require_all(running.address, child.run_id, steps)
    assert outboxes(tmp_path) == []


@pytest.mark.parametrize("name", services.NAMES)
def test_one_that_is_killed_between_stages_costs_nothing(name, running, tmp_path, monkeypatch):
    monkeypatch.setattr("echo_rnn.tracking.store.SERVER_SECONDS", 2)
    with open_store(running.address, "echo", tmp_path).run("name", "d", {}) as run:
        run.log_metrics([("loss", 0.0, 0)])
        run.log_text("trained", "notes/training.txt")
        running.kill(name)
    with open_store(running.address, "echo", tmp_path).resume(run.id) as run:
        run.log_metrics([("loss", 0.0, 0), ("accuracy", 1.0, 0)])
        run.log_text("evaluated", "notes/evaluation.txt")
    running.back()
    assert deliver_all(running.address, tmp_path) == 1
    client = client_of(running.address)
    found = client.get_run(run.id)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"loss": 0.0, "accuracy": 1.0})
    assert len(client.get_metric_history(run.id, "loss")) == 1
    notes = {file.path for file in client.list_artifacts(run.id, "notes")}
    assert notes == {"notes/training.txt", "notes/evaluation.txt"}


def test_a_training_ends_well_without_database_and_files_and_a_later_command_completes_it(unused, running):
    to = ("tracking=server", f"tracking.uri={running.address}", "tracking.experiment=alone")
    more = ("trainer.epochs=60", "trainer.checkpoint.seconds=0", "hydra.run.dir=job")
    with started(unused, *TRAIN, *SHORT, *more, *to) as process:
        until_saved(unused, process, folder="job/checkpoints")
        running.kill("postgres")
        running.kill("weed")
        said = answer(process)
    assert said.code == 0, said.err
    assert len(json.loads((unused.folder / "job/reports/evaluation/metrics.json").read_text())) > 3
    running.back()
    unused.must("python", "-m", "pipelines.deliver", MLFLOW_TRACKING_URI=running.address)
    (run,) = finished_runs(running.address, "alone")
    history = client_of(running.address).get_metric_history(run.info.run_id, "train/loss")
    assert [point.step for point in history] == list(range(1, 61))


def test_services_start_once_end_by_their_processes_and_keep_what_they_store(running):
    pids = {name: services.process_of(running.folder, name).pid for name in services.NAMES}
    running.back()
    assert pids == {name: services.process_of(running.folder, name).pid for name in services.NAMES}
    client_of(running.address).create_experiment("kept")
    assert services.stop(running.folder) == list(reversed(services.NAMES))
    assert [name for name in services.NAMES if services.process_of(running.folder, name)] == []
    running.back()
    assert client_of(running.address).get_experiment_by_name("kept")
