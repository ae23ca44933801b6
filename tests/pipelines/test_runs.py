"""What a training and its evaluation leave in the tracking store and in the project, under DVC."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def run(finished):
    (run,) = finished.runs()
    return run


def test_one_run_trained_and_evaluated(run, finished):
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "dynamic-graph-lstm3x4-T10-seed0"
    wanted = {"train/loss", "train/accuracy", "validation/loss", "validation/accuracy", "test/accuracy", "test/loss"}
    wanted |= {"test/accuracy_ceiling", "test/accuracy_gap", "train/leftover_steps"}
    phases = ("start", "import", "trace", "compile", "validation", "evaluation")
    wanted |= {f"time/{phase}" for phase in phases}
    speed = finished.json("reports/training/speed.json")
    assert run.data.tags["hardware.cpu"] == speed.pop("processor")
    wanted |= {f"speed/{name}" for name in speed}
    assert wanted <= set(run.data.metrics)
    assert run.data.metrics["time/import"] < run.data.metrics["time/start"]


def test_every_value_of_the_configuration_is_a_parameter(run, finished):
    import yaml  # noqa: PLC0415

    def leaves(tree, prefix=""):
        for key, value in tree.items():
            if isinstance(value, dict) and value:
                yield from leaves(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}"

    composed = yaml.safe_load(finished.read("build/config.yaml"))
    for section in ("sweep", "benchmark", "search"):
        del composed[section]
    del composed["runtime"]["compile_cache"]  # nor does this decide anything
    assert set(run.data.params) == set(leaves(composed))
    assert run.data.params["optimizer.learning_rate"] == "0.3"


def test_metrics_are_by_epoch(run, finished):
    client = finished.client()
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "train/loss")] == [1, 2]


def test_the_run_says_where_it_came_from(run, finished):
    tags = run.data.tags
    commits = finished.must("git", "log", "--format=%H").out.split()
    assert tags["git.commit"] in commits
    assert tags["git.dirty"] == "false"
    assert tags["dvc.stage"] == "train"
    assert {"hardware.cpu", "hardware.cores", "version.tensorflow", "version.mlflow", "experiment"} <= set(tags)
    assert tags["mlflow.note.content"] == "A few windows, to see that everything runs."
    assert run.data.params["runtime.threads"] == "2"
    assert tags["command"] == tags["mlflow.source.name"] == "python -m pipelines.train --stage"
    inputs = {entry.dataset.name: entry.dataset.digest for entry in run.inputs.dataset_inputs}
    assert inputs == dict.fromkeys(["echo-train", "echo-test"], finished.json("data/dataset.json")["digest"])


def test_figures_configuration_and_numbers_are_artifacts(run, finished):
    client = finished.client()
    names = [
        file.path
        for folder in ("config", "figures", "evaluation")
        for file in client.list_artifacts(run.info.run_id, folder)
    ]
    assert set(names) == {
        "config/config.yaml",
        "figures/curves.png",
        "figures/echo.png",
        "figures/diagnosis.png",
        "evaluation/metrics.json",
    }


def test_mlflow_and_keras_load_the_model_and_give_the_pipelines_predictions(run, finished, monkeypatch):
    import keras  # noqa: PLC0415
    import mlflow  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    from echo_rnn.core.windows.predictor import Predictor  # noqa: PLC0415
    from echo_rnn.core.windows.stored import Affine  # noqa: PLC0415
    from echo_rnn.inference import store as trained  # noqa: PLC0415
    from echo_rnn.tasks.dataset import open_dataset  # noqa: PLC0415

    network = trained.load(finished.folder / "models")
    test = open_dataset(finished.folder / "data").test
    predict = Predictor(network.model, lambda: network.weights, Affine(np.zeros(1), np.ones(1)), 10, "graph")
    chunks = predict(test.x_EBNI[0], test.y[0], leftover=True)
    ours = np.concatenate([tf.nn.softmax(chunk.outputs_BNC).numpy() for chunk in chunks], axis=1)
    x_BNI = test.x_EBNI[0].astype(np.float32)

    exported = keras.saving.load_model(finished.folder / "models" / "model.keras")
    assert {type(layer).__module__.split(".")[0] for layer in exported.layers} == {"keras"}
    np.testing.assert_allclose(exported.predict(x_BNI, verbose=0), ours, atol=1e-5, rtol=0)

    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", before)
    mlflow.set_tracking_uri(f"sqlite:///{finished.folder}/mlflow.db")
    try:
        logged = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/{run.info.run_name}")
    finally:
        mlflow.set_tracking_uri(before)
    assert logged.metadata.signature.inputs.inputs[0].shape == (-1, -1, 1)
    np.testing.assert_allclose(logged.predict(x_BNI), ours, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_model_whose_run_the_store_does_not_know_gets_a_run_that_says_so(project):
    # `project` is a copy without the store, as if DVC had restored the model from a cache on another machine.
    trained_in = project.json("models/model.json")["run_id"]
    assert project.stage("evaluate").code == 0
    (run,) = project.runs()
    assert run.data.tags["trained_in"] == trained_in
    assert "another store" in run.data.tags["kind"]
    assert "test/accuracy" in run.data.metrics


@pytest.mark.slow
def test_untracked_runs_leave_no_store(project):
    project.edit("params.yaml", "tracking: null", "tracking: none")
    for words in ("compose", "train --stage", "evaluate", "report"):
        answer = project.stage(*words.split())
        assert answer.code == 0, answer.err
    assert project.json("reports/evaluation/metrics.json")["targets"] == 1500
    assert not list(project.folder.glob("mlflow.db*"))
