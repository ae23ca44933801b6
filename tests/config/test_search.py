"""The space of a search: Hydra's words for sweeps, mistakes named by their key, and any trial as a `params.yaml`."""

import re

import pytest
import yaml

from echo_rnn.config import as_params, compose, compose_trial
from echo_rnn.config.search import Choices, Numbers, parse
from tests.refusals import refused


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("interval(0.1, 3)", Numbers(0.1, 3.0, log=False, step=None, whole=False)),
        ("tag(log, interval(1e-3, 1))", Numbers(1e-3, 1.0, log=True, step=None, whole=False)),
        ("int(interval(2, 9))", Numbers(2, 9, log=False, step=None, whole=True)),
        ("range(2, 9, 3)", Numbers(2, 8, log=False, step=3, whole=True)),
        ("tag(log, range(1, 65))", Numbers(1, 64, log=True, step=1, whole=True)),
        ("choice(adam, adagrad, adam)", Choices(["adam", "adagrad"])),
        ("4,[8,4]", Choices(["4", "[8,4]"])),
    ],
)
def test_what_a_key_may_be(words, values):
    assert parse(words) == values


@pytest.mark.parametrize(
    "words",
    [
        *("0.3", "adam", "", "choice(adam)", "choice()", "interval(1, 1)", "interval(3, 1)", "range(1, 2)", "glob(*)"),
        *(
            "tag(log, interval(0, 1))",
            "tag(log, range(1, 9, 2))",
            "tag(other, interval(1, 2))",
            "intervall(1, 2)",
            "(1",
        ),
    ],
)
def test_what_is_not_at_least_two_values_is_refused_by_its_key(words, composed, write):
    with pytest.raises(ValueError, match=re.escape(words)):
        parse(words)
    write({"conf/search/mine.yaml": yaml.safe_dump({"defaults": ["seed"], "space": {"model.units": words}})})
    with refused("config.wrong_type", "search.space.model.units: expected interval(", "conf/search/mine.yaml"):
        composed({"search": "mine"})


def test_the_configuration_itself_is_one_of_its_values():
    assert parse("range(2, 9, 3)").holds(5)
    assert not any(parse("range(2, 9, 3)").holds(value) for value in (4, 11, 5.0, True, [5], None))
    assert parse("tag(log, interval(0.1, 3))").holds(3)
    assert parse("choice(adam, 4)").holds("4")


@pytest.mark.parametrize(
    "words",
    [
        ["model=gru", "model.units=[3,2,4]", "optimizer=adam", "optimizer.learning_rate=1e-05", "seed=3"],
        ["experiment=clipper", "task.batch_size=4", "export=[]", "trainer.early_stop.patience=null"],
        ["unroll=partial", "unroll.steps=3", "experiment.name='yes'", "search.trials=3"],
    ],
)
def test_a_params_file_composes_to_the_trial(words, conf, tmp_path):
    trial = compose_trial(words, conf, "here")
    params = tmp_path / "params.yaml"
    params.write_text(as_params(trial, conf))
    again = compose(params, conf)
    assert {**again.tree, "search": 0} == {**trial.tree, "search": 0}
    assert again.config.model_copy(update={"search": trial.config.search}) == trial.config


def test_a_value_that_does_not_fit_is_named_with_its_place(conf):
    with refused("config.out_of_range", "model.units: ", "change it in here (model.units=0)"):
        compose_trial(["model.units=0"], conf, "here")
    with refused("config.unknown_key", "model.unit: ", "change it in here"):
        compose_trial(["model.unit=2"], conf, "here")
