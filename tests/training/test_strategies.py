"""On the seed's task every strategy learns the same, step by step, and reaches the ceiling."""

import functools
from pathlib import Path

import numpy as np
import pytest
import yaml

from echo_rnn.config import compose
from echo_rnn.core.model import build
from echo_rnn.core.windows.predictor import Predictor
from echo_rnn.evaluation.classes import mean_loss_and_accuracy
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tasks.echo import Echo
from echo_rnn.tasks.synthetic import SplitLengths, generate
from echo_rnn.training import Learner, Training, build_optimizer
from tests.training.problems import PLAIN, checkpoints

CONF = Path(__file__).parents[2] / "conf"
# `auto` is no strategy of its own; it becomes one before a network is built.
OPTIONS = sorted({path.stem for path in (CONF / "unroll").glob("*.yaml")} - {"auto"})
EPOCHS = 12  # of 100: what it takes to learn


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The seed's dataset."""
    folder = tmp_path_factory.mktemp("seed")
    lengths = SplitLengths(50_000, 50_000, 50_000)
    generate(Echo(echo_step=3, rows=5), seed=0, epochs=EPOCHS, lengths=lengths, folder=folder)
    return open_dataset(folder)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Loss of each step and test accuracy of `experiment=seed`, by the strategy's option."""
    folder = tmp_path_factory.mktemp("trained")

    @functools.cache
    def by(option):
        mode = "graph" if option == "block" else "xla"
        values = {"trainer": {"epochs": EPOCHS, "compile": mode}}
        params = folder / f"{option}.yaml"
        params.write_text(yaml.safe_dump({"groups": {"experiment": "seed", "unroll": option}, "values": values}))
        config = compose(params, CONF).config
        network = build(config.model.stack, config.unroll.unrolling, 1, 2, compiled=mode)
        optimizer = build_optimizer(config.optimizer, config.schedule, config.clipping)
        learner = Learner(network, network.initial_weights(np.random.SeedSequence(0)), optimizer)
        training = Training(learner, data, config.trainer, checkpoints(folder / option), None)
        history = training.run(lambda: False, lambda record: None)
        predictor = Predictor(network, lambda: learner.weights, PLAIN, config.trainer.window, "graph")
        _, accuracy = mean_loss_and_accuracy(predictor(data.test.x_EBNI[0], data.test.y[0], leftover=True), 2)
        return history.log.read()[:, 0], accuracy

    return by


@pytest.mark.slow
@pytest.mark.parametrize("option", OPTIONS)
def test_every_strategy_learns_the_seed_as_static_does(option, trained, data):
    losses, accuracy = trained(option)
    expected, _ = trained("static")
    # Rounding differs in the last bit and each update hands it on; where learning sets in, it grows a thousandfold.
    np.testing.assert_allclose(losses[:300], expected[:300], rtol=1e-3)
    assert abs(accuracy - data.test.accuracy_ceiling) <= 1e-4
