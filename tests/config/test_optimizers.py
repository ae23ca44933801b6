"""The optimizer options against the constructors of Keras."""

import inspect

import keras
import pytest

from echo_rnn.config.optimizers import OPTIMIZERS as ARGUMENTS
from echo_rnn.config.optimizers import SCHEDULES
from echo_rnn.training import optimizer
from echo_rnn.training.optimizer import OPTIMIZERS

# Where an option starts from another value than Keras, the learning rates aside: its file says so.
DEVIATIONS = {"sgd": {"momentum": 0.9, "nesterov": True}, "adadelta": {"epsilon": 1e-6}}


def parameters(function):
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def own(name):
    """What an optimizer takes beyond, or other than, what all of them take."""
    base = next(cls for cls in OPTIMIZERS[name].__mro__ if cls.__name__ == "BaseOptimizer")
    shared = {**parameters(base.__init__), "name": None}
    return {
        key: value
        for key, value in parameters(OPTIMIZERS[name]).items()
        if key == "learning_rate" or key not in shared or shared[key] != value
    }


def test_table_and_schema_name_the_same():
    assert set(OPTIMIZERS) == set(ARGUMENTS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_arguments_are_those_of_the_constructor(name):
    assert {"learning_rate", *ARGUMENTS[name]} == set(own(name))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_options_start_from_the_defaults_of_keras(name, composed):
    option = composed({"optimizer": name}).config.optimizer.model_dump(exclude={"name", "learning_rate"})
    expected = {key: value for key, value in own(name).items() if key != "learning_rate"}
    assert option == expected | DEVIATIONS.get(name, {})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_options_can_be_built(name, composed):
    config = composed({"optimizer": name, "schedule": "cosine", "clipping": "value"}).config
    assert type(optimizer.build(config.optimizer, config.schedule, config.clipping)) is OPTIMIZERS[name]


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("exponential", keras.optimizers.schedules.ExponentialDecay),
        ("cosine", keras.optimizers.schedules.CosineDecay),
    ],
)
def test_schedules_take_arguments_of_the_constructor(name, schedule):
    assert set(SCHEDULES[name]) <= set(parameters(schedule))
