"""On the seed's task every kind of strategy learns the same, step by step, and reaches the ceiling.

That every strategy computes and trains as `static` does is held by `tests/core/unroll` (`test_laws`, `test_article`).
"""

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

pytestmark = pytest.mark.xdist_group("seed")  # in one process, for its fixtures

CONF = Path(__file__).parents[2] / "conf"
# Besides `static`: a loop of steps, layers one by one, waves with weight gradients after the loop, and a kernel.
OPTIONS = ("dynamic", "deferred", "wavefront_deferred", "block")
EPOCHS = 12  # of 100: what it takes to learn
LAST = 2  # epochs that a strategy trains where `static` has learnt, so that what it does to a trained network shows


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The seed's dataset."""
    folder = tmp_path_factory.mktemp("seed")
    lengths = SplitLengths(50_000, 50_000, 50_000)
    generate(Echo(echo_step=3, rows=5), seed=0, epochs=EPOCHS, lengths=lengths, folder=folder)
    return open_dataset(folder)


@pytest.fixture(scope="module")
def train(data, tmp_path_factory):
    """Trains `experiment=seed` with an option of a strategy; returns the loss of each step, and test accuracy."""
    folder = tmp_path_factory.mktemp("trained")

    def train(option, epochs, after_epoch):
        mode = "graph" if option == "block" else "xla"
        values = {"trainer": {"epochs": epochs, "compile": mode}}
        params = folder / f"{option}.yaml"
        params.write_text(yaml.safe_dump({"groups": {"experiment": "seed", "unroll": option}, "values": values}))
        config = compose(params, CONF).config
        network = build(config.model.stack, config.unroll.unrolling, 1, 2, compiled=mode)
        optimizer = build_optimizer(config.optimizer, config.schedule, config.clipping)
        learner = Learner(network, network.initial_weights(np.random.SeedSequence(0)), optimizer)
        training = Training(learner, data, config.trainer, checkpoints(folder / option), None)
        history = training.run(lambda: False, lambda record: after_epoch(record.epoch, learner))
        predictor = Predictor(network, lambda: learner.weights, PLAIN, config.trainer.window, "graph")
        _, accuracy = mean_loss_and_accuracy(predictor(data.test.x_EBNI[0], data.test.y[0], leftover=True), 2)
        return history.log.read()[:, 0], accuracy

    return train


@pytest.fixture(scope="module")
def static(train):
    """Losses and accuracy of `static`, and its state before the last epochs."""
    states = {}

    def note(epoch, learner):
        states[epoch] = learner.snapshot()

    return *train("static", EPOCHS, note), states[EPOCHS - LAST]


@pytest.mark.slow
def test_static_learns_the_seed(static, data):
    _, accuracy, _ = static
    assert abs(accuracy - data.test.accuracy_ceiling) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("option", OPTIONS)
def test_strategies_of_every_kind_learn_the_seed_as_static_does(option, train, static, data):
    """From the start for an epoch, and from where `static` was before its last ones to the ceiling."""
    expected, _, state = static

    def go_on(epoch, learner):
        if epoch == 1:
            learner.restore(state)

    losses, accuracy = train(option, 1 + LAST, go_on)
    # Rounding differs in the last bit and each update hands it on; where learning sets in, it grows a thousandfold.
    np.testing.assert_allclose(losses[:300], expected[:300], rtol=1e-3)
    assert abs(accuracy - data.test.accuracy_ceiling) <= 1e-4
