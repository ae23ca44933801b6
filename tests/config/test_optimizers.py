"""The optimizer options against the constructors of Keras."""

import inspect
from typing import get_args

import keras
import pytest

from echo_rnn.config.optimizers import Cosine, Exponential, Optimizer
from echo_rnn.training import optimizer

SECTIONS = {get_args(model.model_fields["name"].annotation)[0]: model for model in get_args(get_args(Optimizer)[0])}
# Where an option starts from another value than Keras, the learning rates aside: its file says so.
DEVIATIONS = {"sgd": {"momentum": 0.9, "nesterov": True}, "adadelta": {"epsilon": 1e-6}}


def parameters(function):
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def class_of(name):
    return type(keras.optimizers.get(name))


def own(name):
    """What an optimizer takes beyond, or other than, what all of them take."""
    base = next(cls for cls in class_of(name).__mro__ if cls.__name__ == "BaseOptimizer")
    shared = {**parameters(base.__init__), "name": None}
    return {
        key: value
        for key, value in parameters(class_of(name)).items()
        if key == "learning_rate" or key not in shared or shared[key] != value
    }


@pytest.mark.parametrize("name", SECTIONS)
def test_arguments_are_those_of_the_constructor(name):
    assert set(SECTIONS[name].model_fields) - {"name"} == set(own(name))


@pytest.mark.parametrize("name", SECTIONS)
def test_options_start_from_the_defaults_of_keras(name, composed):
    option = composed({"optimizer": name}).config.optimizer.model_dump(exclude={"name", "learning_rate"})
    expected = {key: value for key, value in own(name).items() if key != "learning_rate"}
    assert option == expected | DEVIATIONS.get(name, {})


@pytest.mark.parametrize("name", SECTIONS)
def test_options_can_be_built(name, composed):
    config = composed({"optimizer": name, "schedule": "cosine", "clipping": "value"}).config
    assert type(optimizer.build(config.optimizer, config.schedule, config.clipping)) is class_of(name)


@pytest.mark.parametrize(
    ("section", "schedule"),
    [
        (Exponential, keras.optimizers.schedules.ExponentialDecay),
        (Cosine, keras.optimizers.schedules.CosineDecay),
    ],
)
def test_schedules_take_arguments_of_the_constructor(section, schedule):
    assert set(section.model_fields) - {"name"} <= set(parameters(schedule))
