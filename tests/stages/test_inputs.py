"""What a stage reads is compared with its configuration and with each other."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from echo_rnn.config import compose
from echo_rnn.stages.generate import run as generate
from echo_rnn.stages.inputs import require_dataset, require_ends, require_network
from echo_rnn.stages.layout import Layout
from echo_rnn.tasks.dataset import open_dataset
from tests.refusals import refused

CONF = Path(__file__).parents[2] / "conf"


def configured(tmp_path, **values):
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump({"groups": {"experiment": "debug"}, "values": values}))
    return compose(params, CONF).config


@pytest.fixture
def data(tmp_path):
    generate(configured(tmp_path), Layout(tmp_path))
    return open_dataset(tmp_path / "data")


def network(config, data):
    model = config.model.model_dump(mode="json")
    return {"network": {"model": model, "unroll": config.unroll.label}, "dataset_digest": data.digest}


def test_what_belongs_together_is_taken(tmp_path, data):
    config = configured(tmp_path, optimizer={"learning_rate": 0.1})
    require_dataset(config, data)
    require_network(config, data, tmp_path / "models", network(config, data))


@pytest.mark.parametrize(
    ("values", "key"), [({"task": {"echo_step": 7}}, "task.echo_step = 7"), ({"seed": 5}, "seed = 5")]
)
def test_series_of_another_configuration_are_refused(tmp_path, data, values, key):
    with refused("inputs.dataset", tmp_path / "data") as caught:
        require_dataset(configured(tmp_path, **values), data)
    assert key in str(caught.value)
    assert "pipelines.generate" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda found: found["network"]["model"].update(layers=9), "model.layers"),
        (lambda found: found["network"].update(unroll="static"), "unroll"),
        (lambda found: found.update(dataset_digest="another"), "dataset"),
    ],
)
def test_a_network_of_another_configuration_is_refused(tmp_path, data, change, key):
    config = configured(tmp_path)
    found = network(config, data)
    change(found)
    with refused("inputs.network", tmp_path / "models") as caught:
        require_network(config, data, tmp_path / "models", found)
    assert f"{key} = " in str(caught.value)


def test_the_remedy_heals(tmp_path, data):
    config = configured(tmp_path, task={"echo_step": 7})
    generate(config, Layout(tmp_path))  # python -m pipelines.generate
    require_dataset(config, open_dataset(tmp_path / "data"))


@pytest.mark.parametrize(
    ("name", "other"), [("kind", "real"), ("inputs", 3), ("outputs", 7), ("input_names", ("a",)), ("sample_rate", 8000)]
)
def test_another_dataset_is_for_what_the_network_reads_and_predicts(data, name, other):
    require_ends(data, replace(data.ends, scaling=None))
    with refused("inputs.ends", data.folder, f"{name} = "):
        require_ends(data, replace(data.ends, **{name: other}))
