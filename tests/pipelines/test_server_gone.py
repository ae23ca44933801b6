"""A training without its tracking server ends as with it, and a later command delivers the rest."""

import signal

import pytest

from tests.pipelines.lives import until
from tests.tracking.servers import Server, find_free_port

pytestmark = pytest.mark.slow
EPOCHS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Runs at the end of each test, too."""
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.end(signal.SIGKILL)


@pytest.fixture
def training(unused, server):
    """A job at work whose run has begun to fill."""
    settings = ["experiment=debug", f"trainer.epochs={EPOCHS}", "tracking=server", f"tracking.uri={server.address}"]
    command = ["python", "-m", "pipelines.train", *settings]
    process = unused.start(*command)
    yield process
    process.kill()
    process.communicate()


def client_of(server):
    from mlflow import MlflowClient  # noqa: PLC0415

    return MlflowClient(server.address)


def begun(training, unused, server):
    """The run of the training, as soon as the server has some of its points."""
    # To ask the server again and again would slow down what is waited for.
    until(lambda: training.poll() is not None or list(unused.folder.glob("outputs/*/*/checkpoints/[0-9]*")))
    client = client_of(server)

    def found():
        assert training.poll() is None
        experiment = client.get_experiment_by_name("echo-rnn")
        if not experiment:
            return None
        # Not that of the training before, on the same server.
        runs = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
        return runs[0].info.run_id if runs and "train/loss" in runs[0].data.metrics else None

    return until(found)


def test_a_training_continues_without_its_server(training, unused, server):
    run_id = begun(training, unused, server)
    server.gone("frozen")
    out, err = training.communicate(timeout=300)
    assert training.returncode == 0, err
    assert "test accuracy" in out
    # The end of the training and the end of its evaluation, which resumed the run.
    sentences = [line for line in err.splitlines() if line.startswith("run ")]
    assert len(sentences) == 2
    assert f"run {run_id}: " in sentences[1]
    assert "`python -m pipelines.deliver`" in sentences[1]

    server.back()
    answer = unused.stage("deliver")
    assert (answer.code, answer.out) == (0, "1 run was completed\n")
    client = client_of(server)
    found = client.get_run(run_id)
    assert found.info.status == "FINISHED"
    for metric in ("train/loss", "train/accuracy", "validation/loss"):
        points = client.get_metric_history(run_id, metric)
        assert [point.step for point in points] == list(range(1, EPOCHS + 1))
    assert {"test/accuracy", "speed/step_microseconds", "time/evaluation"} <= set(found.data.metrics)
    files = {file.path for folder in ("config", "figures") for file in client.list_artifacts(run_id, folder)}
    assert {"config/config.yaml", "figures/curves.png", "figures/echo.png"} <= files
    assert len(found.outputs.model_outputs) == 1
    assert unused.stage("deliver").out == "0 runs were completed\n"


def test_a_training_is_refused_where_no_server_answers(unused):
    address = f"http://127.0.0.1:{find_free_port()}"
    answer = unused.stage("train", "experiment=debug", "tracking=server", f"tracking.uri={address}")
    assert answer.code == 2
    assert address in answer.sentence
    assert not (unused.folder / "models").exists()
