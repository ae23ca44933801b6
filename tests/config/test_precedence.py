"""Who has the last word: command line or params.yaml, conf/local, experiment, options."""

import pytest

HEAD = "# @package _global_\n"
EXPERIMENT = """# @package _global_
defaults:
- override /optimizer: adam
experiment: {name: mine, description: ''}
trainer: {epochs: 7, window: 8}
"""
OWN = "trainer: {epochs: 9}\ntracking: {uri: 'http://mine:5000'}\n"


@pytest.fixture
def mine(write):
    write({"conf/experiment/mine.yaml": EXPERIMENT})


def both(composed, job, groups, values):
    """The same choices, made in `params.yaml` and on the command line."""
    overrides = [f"{group}={option}" for group, option in groups.items()]
    overrides += [f"{section}.{key}={value}" for section, keys in values.items() for key, value in keys.items()]
    return [composed(groups, values).config, job(*overrides).config]


def test_experiment_wins_over_options(mine, composed, job):
    for config in both(composed, job, {"experiment": "mine"}, {}):
        assert (config.trainer.epochs, config.optimizer.name) == (7, "adam")


def test_choices_and_values_win_over_the_experiment(mine, composed, job):
    for config in both(composed, job, {"experiment": "mine", "optimizer": "lion"}, {"trainer": {"epochs": 5}}):
        assert (config.trainer.epochs, config.trainer.window, config.optimizer.name) == (5, 8, "lion")


def test_null_leaves_the_choice_to_the_experiment(mine, composed):
    assert composed({"experiment": "mine", "optimizer": None}).config.optimizer.name == "adam"


@pytest.mark.parametrize("head", ["", HEAD])
def test_own_settings_win_over_conf(head, mine, write, composed, job):
    write({"conf/local/default.yaml": head + OWN + "defaults:\n- override /optimizer: sgd\n"})
    for config in both(composed, job, {"experiment": "mine"}, {}):
        assert (config.trainer.epochs, config.tracking.uri) == (9, "http://mine:5000")
        assert (config.trainer.window, config.optimizer.name) == (8, "sgd")


def test_choices_and_values_win_over_own_settings(write, composed, job):
    write({"conf/local/default.yaml": OWN + "defaults:\n- override /optimizer: sgd\n"})
    for config in both(composed, job, {"optimizer": "lion"}, {"trainer": {"epochs": 5}}):
        assert (config.trainer.epochs, config.optimizer.name) == (5, "lion")
        assert config.tracking.uri == "http://mine:5000"


def test_empty_own_settings_change_nothing(write, composed):
    before = composed().tree
    write({"conf/local/default.yaml": ""})
    assert composed().tree == before


def test_lengths_follow_the_value_above_them(composed, job):
    for config in both(composed, job, {}, {"task": {"series_length": 1000}}):
        assert (config.task.validation_length, config.task.test_length) == (1000, 1000)
