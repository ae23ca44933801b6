"""Keras models that carry their state give the network's predictions after they were saved and loaded."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from echo_rnn.inference.exports import write
from echo_rnn.inference.keras_model import to_keras
from tests.inference.networks import BLOCKS, CELLS, expected, in_blocks, network, series

pytestmark = pytest.mark.xdist_group("exports")  # in one process, for its fixtures

STEPS = 2000
TOLERANCE = 1e-5


class Stateful:
    """A model that keeps its state."""

    def __init__(self, model):
        self.model = model

    def reset(self):
        for layer in self.model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_state()

    def __call__(self, x_NI):
        return self.model.predict_on_batch(x_NI[np.newaxis])[0]


class States:
    """A model that takes its state and gives it back."""

    def __init__(self, model):
        self.model = model
        self.reset()

    def reset(self):
        names = [tensor.name for tensor in self.model.inputs if tensor.name != "x"]
        sizes = {tensor.name: tensor.shape[-1] for tensor in self.model.inputs}
        self.state = {name: np.zeros((1, sizes[name]), np.float32) for name in names}

    def __call__(self, x_NI):
        outputs = self.model.predict_on_batch({"x": x_NI[np.newaxis]} | self.state)
        y_1NK = outputs.pop("y")
        self.state = {name.replace("_out", "_in"): part for name, part in outputs.items()}
        return y_1NK[0]


# Every cell, and everything else that differs with one of them.
DESCRIBED = {cell: {"cell": cell} for cell in CELLS}
DESCRIBED["gru_after"] |= {"residual": True}
DESCRIBED["rnn"] |= {"kind": "classes", "outputs": 3}


@pytest.fixture(scope="module", params=DESCRIBED)
def written(request, tmp_path_factory):
    described = DESCRIBED[request.param]
    trained, folder = network(**described), tmp_path_factory.mktemp("export")
    models = [keras.saving.load_model(file) for file in write(trained, ["keras"], folder)]
    return expected(described["cell"], trained, series()), Stateful(models[0]), States(models[1])


@pytest.mark.parametrize("kind", [1, 2], ids=["stateful", "states"])
@pytest.mark.parametrize("size", BLOCKS)
def test_blocks_of_any_size_give_the_predictions_of_numpy(written, kind, size):
    model, steps = written[kind], min(STEPS, 50 * size)
    model.reset()
    np.testing.assert_allclose(in_blocks(model, series()[:steps], size), written[0][:steps], atol=TOLERANCE)
    model.reset()
    np.testing.assert_allclose(model(series()[:5]), written[0][:5], atol=TOLERANCE, err_msg="a fresh start")


def test_states_have_the_names_of_their_layers(written):
    names = {tensor.name for tensor in written[2].model.inputs}
    assert {"x", "h0_in", "h1_in"} <= names
    assert ("c1_in" in names) == ("lstm" in type(written[2].model.get_layer("layer_1")).__name__.lower())


def test_the_model_for_whole_series_is_in_raw_units():
    trained = network("gru_after")
    model = to_keras(trained.model, trained.weights, trained.description.ends)
    y_1NK = model.predict(series()[np.newaxis, :500], verbose=0)
    np.testing.assert_allclose(y_1NK[0], expected("gru_after", trained, series()[:500]), atol=TOLERANCE)


def test_a_fresh_process_needs_keras_alone(tmp_path):
    trained = network(units=(4,), inputs=1, outputs=1)
    stateful, _ = write(trained, ["keras"], tmp_path)
    code = (
        "import json, sys, numpy as np, keras\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "x = np.array(json.loads(sys.argv[2]), np.float32)\n"
        "parts = [model(x[None, :3, None]).numpy(), model(x[None, 3:, None]).numpy()]\n"
        "assert 'echo_rnn' not in sys.modules\n"
        "print(json.dumps(np.concatenate(parts, axis=1)[0, :, 0].tolist()))"
    )
    x_NI = series(1)[:9]
    command = [sys.executable, "-c", code, str(stateful), json.dumps(x_NI[:, 0].tolist())]
    answer = json.loads(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))
    np.testing.assert_allclose(answer, expected("lstm", trained, x_NI)[:, 0], atol=TOLERANCE)
