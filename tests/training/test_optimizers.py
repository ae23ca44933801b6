"""Every file of `conf/optimizer/`, `conf/schedule/` and `conf/clipping/` does what it says."""

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from pydantic import TypeAdapter

from echo_rnn import training
from echo_rnn.config import optimizers as section
from tests.training.problems import WINDOWS, learner, trained

CONF = Path(__file__).parents[2] / "conf"
KINDS = {"optimizer": section.Optimizer, "schedule": section.Schedule, "clipping": section.Clipping}
GRADIENTS = [np.float32([[3.0, -4.0]]), np.float32([0.1, 0.2, -0.2])]


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def read(group, option, **changes):
    # Read as Hydra does: to YAML itself 1e-7 is a text.
    content = OmegaConf.merge(OmegaConf.load(CONF / group / f"{option}.yaml"), changes)
    return TypeAdapter(KINDS[group]).validate_python(OmegaConf.to_container(content))


def build(optimizer="sgd", schedule="constant", clipping="none", **changes):
    """The optimizer that three files describe; `changes` are values of its own file."""
    sections = read("optimizer", optimizer, **changes), read("schedule", schedule), read("clipping", clipping)
    return training.build_optimizer(*sections)


@pytest.mark.parametrize("option", options("optimizer"))
def test_every_optimizer_trains(option):
    pupil = learner(optimizer=build(option))
    before = pupil.snapshot()
    outcome = trained(pupil, epochs=1)
    assert np.isfinite(outcome.losses).all()
    assert len(outcome.losses) == WINDOWS
    for start, end in zip(before.weights, pupil.snapshot().weights, strict=True):
        assert np.any(start != end)


@pytest.mark.parametrize("option", options("optimizer"))
def test_name_and_values_of_a_file_reach_keras(option):
    optimizer = build(option)
    assert type(optimizer).__name__.lower() == option
    config, content = optimizer.get_config(), read("optimizer", option).model_dump(exclude={"name"})
    assert {key: config[key] for key in content} == pytest.approx(content)


def rate(step, schedule, **changes):
    """The learning rate, 0.5 at first, that the optimizer uses for `step`, from 0."""
    sections = read("optimizer", "sgd", learning_rate=0.5), read("schedule", schedule, **changes)
    optimizer = training.build_optimizer(*sections, read("clipping", "none"))
    optimizer.build([keras.Variable(np.zeros(1))])
    optimizer.iterations.assign(step)
    return float(optimizer.learning_rate)


@given(step=st.integers(0, 10**6))
def test_a_constant_rate_stays(step):
    assert rate(step, "constant") == 0.5


@given(step=st.integers(0, 2000), staircase=st.booleans())
def test_exponential_decay_equals_its_formula(step, staircase):
    turns = step // 30 if staircase else step / 30
    got = rate(step, "exponential", decay_steps=30, decay_rate=0.9, staircase=staircase)
    assert got == pytest.approx(0.5 * 0.9**turns, rel=1e-4)  # the exponent, up to 67, is a float32


@given(step=st.integers(0, 300), warmup=st.sampled_from([0, 1, 50]))
def test_cosine_decay_equals_its_formula(step, warmup):
    """Linear from 0 to the learning rate, then half a cosine down to its share `alpha`, then flat."""
    decayed = 0.5 * (0.1 + 0.9 * (1 + np.cos(np.pi * min((step - warmup) / 100, 1))) / 2)
    got = rate(step, "cosine", decay_steps=100, warmup_steps=warmup, alpha=0.1)
    assert got == pytest.approx(0.5 * step / warmup if step < warmup else decayed, rel=1e-5)


def moved(clipping):
    """What is left of `GRADIENTS`: how far plain gradient descent with rate 1 moves variables of 0."""
    optimizer = build(clipping=clipping, learning_rate=1.0, momentum=0.0, nesterov=False)
    variables = [keras.Variable(np.zeros_like(gradient)) for gradient in GRADIENTS]
    optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in GRADIENTS], variables)
    return [-variable.numpy() for variable in variables]


def norm(gradients):
    return np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))


CLIPPED = {
    "none": GRADIENTS,
    "global_norm": [gradient / norm(GRADIENTS) for gradient in GRADIENTS],
    "norm": [GRADIENTS[0] / 5, GRADIENTS[1]],  # only the first is longer than 1
    "value": [np.float32([[0.5, -0.5]]), GRADIENTS[1]],
}


@pytest.mark.parametrize("option", options("clipping"))
def test_clipping_does_what_it_says(option):
    for got, expected in zip(moved(option), CLIPPED[option], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
