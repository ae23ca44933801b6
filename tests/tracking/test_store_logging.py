"""What is logged is stored once, in order, and readable."""

import json
import math
import time

import numpy as np
import pytest

from echo_rnn.tracking import Data, open_store
from echo_rnn.tracking.deliver import BackgroundDelivery
from tests.refusals import refused


@pytest.fixture
def open_run(store):
    return store.run("name", "d", {})


def values(client, run, metric):
    return [point.value for point in client.get_metric_history(run.id, metric)]


def test_metrics_arrive_once_and_in_order(open_run, client):
    with open_run as run:
        run.log_metrics(("train/loss", step / 2, step) for step in range(2500))
    history = client.get_metric_history(run.id, "train/loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, step / 2) for step in range(2500)]


def test_metrics_arrive_while_the_run_is_open(open_run, client):
    with open_run as run:
        run.log_metrics([("loss", 1.0, 0)])
        while not client.get_metric_history(run.id, "loss"):
            time.sleep(0.1)
        assert client.get_run(run.id).info.status == "RUNNING"


def test_a_point_that_is_logged_again_is_stored_once(store, client):
    with store.run("name", "d", {}) as run:
        run.log_metrics([("loss", 1.0, 0), ("loss", 2.0, 1), ("loss", 2.5, 1)])
    with store.resume(run.id) as run:
        run.log_metrics([("loss", 2.0, 1), ("loss", 2.75, 1), ("loss", 3.0, 2), ("speed", 1.0, 1)])
    assert values(client, run, "loss") == [1.0, 2.0, 3.0]
    assert values(client, run, "speed") == [1.0]


def test_a_value_that_is_measured_again_is_stored_where_it_differs_and_shown(store, client):
    with store.run("name", "d", {}) as run:
        run.log_metrics([("accuracy", 0.5, 0), ("loss", 1.0, 0)])
    with store.resume(run.id) as run:
        run.log_metrics([("accuracy", 0.25, 0), ("loss", 1.0, 0)], remeasured=True)
    assert (values(client, run, "accuracy"), values(client, run, "loss")) == ([0.5, 0.25], [1.0])
    assert client.get_run(run.id).data.metrics["accuracy"] == 0.25


def test_non_finite_metrics_are_left_out_and_the_last_is_named(store, client):
    with store.run("name", "d", {}) as run:
        run.log_metrics([("loss", 1.0, 0), ("loss", math.inf, 1), ("loss", math.nan, 2)])
    with store.resume(run.id) as run:
        run.log_metrics([("loss", -math.inf, 3), ("loss", 2.0, 4)])
    assert values(client, run, "loss") == [1.0, 2.0]
    assert client.get_run(run.id).data.tags["metrics.non_finite"] == "loss at step 3"


def test_numpy_numbers_are_numbers(open_run, client):
    with open_run as run:
        run.log_metrics([("loss", np.float32(0.5), 7)])
    assert client.get_run(run.id).data.metrics["loss"] == 0.5


def test_configuration_becomes_dotted_parameters(open_run, client):
    with open_run as run:
        run.log_config(
            {
                "task": {"echo_step": 3, "inner": {"sizes": [1, 2]}},
                "clip": None,
                "xla": False,
                "name": "lstm",
                "empty": {},
            }
        )
    assert client.get_run(run.id).data.params == {
        "task.echo_step": "3",
        "task.inner.sizes": "[1, 2]",
        "clip": "null",
        "xla": "false",
        "name": "lstm",
        "empty": "{}",
    }


def test_many_parameters_all_arrive(open_run, client):
    with open_run as run:
        run.log_config({f"p{number}": number for number in range(250)})
    assert len(client.get_run(run.id).data.params) == 250


def test_a_long_parameter_is_cut_and_may_be_logged_again(store, client):
    with store.run("name", "d", {}) as run:
        run.log_config({"long": "x" * 7000})
    with store.resume(run.id) as run:
        run.log_config({"long": "x" * 7000})
    assert client.get_run(run.id).data.params["long"] == "x" * 6000


def test_a_parameter_with_another_value_is_refused(store):
    with store.run("name", "d", {}) as run:
        run.log_config({"seed": 0})
        with refused("run.parameter_differs", "seed", "'0'", "'1'"):
            run.log_config({"seed": 1})
    with store.resume(run.id) as run:
        run.log_config({"seed": 0})
        with refused("run.parameter_differs", "seed", "'0'", "'1'"):
            run.log_config({"seed": 1})


def test_dataset_is_an_input_once(store, client):
    digest = "0123456789abcdef" * 4
    data = Data("echo-train", digest, {"x": "integer"}, 100)
    with store.run("name", "d", {}) as run:
        run.log_dataset(data, "data/train.npy", "training")
    with store.resume(run.id) as run:
        run.log_dataset(data, "data/train.npy", "training")
    (entry,) = client.get_run(run.id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("echo-train", digest[:36])
    assert json.loads(entry.dataset.source) == {"uri": "data/train.npy", "digest": digest}
    assert [(tag.key, tag.value) for tag in entry.tags] == [("mlflow.data.context", "training")]
    assert json.loads(entry.dataset.schema)["mlflow_colspec"][0]["name"] == "x"


def test_artifacts_lie_in_the_project(open_run, client, tmp_path):
    file = tmp_path / "figure.png"
    file.write_bytes(b"png")
    with open_run as run:
        run.log_artifact(file, "figures")
        file.unlink()  # as DVC does with what a stage made
        run.log_text("seed: 0", "config/config.yaml")
    assert [entry.path for entry in client.list_artifacts(run.id, "figures")] == ["figures/figure.png"]
    assert (tmp_path / "mlartifacts" / run.id / "artifacts" / "config" / "config.yaml").read_text() == "seed: 0"


def test_a_missing_artifact_is_refused(open_run, tmp_path):
    with open_run as run, refused("run.missing_artifact", tmp_path / "missing.png"):
        run.log_artifact(tmp_path / "missing.png")


def test_any_folder_and_the_same_store_in_another_one(tmp_path):
    from mlflow.models import Model  # noqa: PLC0415

    root, other = tmp_path / "my ü@%41#?&;+ project", tmp_path / "a%20b"
    root.mkdir()
    store = open_store(None, "echo", root)
    with store.run("name", "d", {}) as run:
        run.log_text("x", "x.txt")
    assert (root / "mlartifacts" / run.id / "artifacts" / "x.txt").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == [root.name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BackgroundDelivery, "_work", lambda self: None)  # its store is busy
        patch.setattr(BackgroundDelivery, "finish", lambda self, seconds: "")
        with store.run("moved", "d", {}) as moved:
            moved.log_text("y", "y.txt")
            moved.log_metrics([("loss", 1.0, 0)])
    root.rename(other)  # the outbox goes along
    again = open_store(None, "echo", other)
    with again.run("later", "d", {}) as later:
        later.log_text("z", "z.txt")
        with later._outbox.adding("model") as (path, copy):
            path.mkdir()
            Model(run_id=later.id, flavors={"keras": {}}).save(str(path / "MLmodel"))
        later._outbox.append({"kind": "model", "copy": copy})
    assert len(list((other / "mlartifacts" / "models").rglob("MLmodel"))) == 1
    files = {path.name: path.parts[-3] for path in (other / "mlartifacts").rglob("*.txt")}
    assert files == {"x.txt": run.id, "y.txt": moved.id, "z.txt": later.id}
    assert [path.name for path in tmp_path.iterdir()] == [other.name]
    assert not list((other / "outbox").iterdir())
    (uri,) = {each.info.artifact_uri.rpartition("/mlartifacts/")[0] for each in again._search({})}
    assert uri == other.as_uri()


def test_a_disabled_store_has_the_same_interface_and_stores_nothing(tmp_path):
    store = open_store("nonsense://", "echo", tmp_path, enabled=False)
    with store.run("name", "d", {}) as run, store.resume("any") as resumed:
        for one in (run, resumed):
            one.log_config({"seed": 0})
            one.log_metrics([("loss", 1.0, 0)])
            one.log_dataset(Data("name", "digest", {}, 1), "source", "training")
            one.log_artifact(tmp_path / "missing.png")
            one.log_text("x", "x.txt")
            one.set_tags({"a": "b"})
            one.log_model(None, np.zeros((1, 1, 1)))
    assert list(tmp_path.iterdir()) == []
