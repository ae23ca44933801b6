"""Files for RTNeural, AIDA-X and Neural Amp Modeler give the network's predictions, read by the formats' own rules."""

import json

import numpy as np
import pytest

from echo_rnn.inference.exports import write
from echo_rnn.inference.stream import Prediction, Stream
from tests.inference.exports.readers import AidaX, Nam, RtNeural
from tests.inference.networks import BLOCKS, expected, in_blocks, network, series

STEPS = 2000
EXACT = 1e-6  # both sides in double; the weights are rounded once more, where the scaling is folded in
AS_WE_DO = 1e-5

PLUG_INS = {
    "rtneural lstm": ("rtneural", RtNeural, {"cell": "lstm"}),
    "rtneural gru": ("rtneural", RtNeural, {"cell": "gru_after"}),
    "rtneural classes": ("rtneural", RtNeural, {"cell": "gru_after", "kind": "classes", "outputs": 3}),
    "rtneural three layers": ("rtneural", RtNeural, {"cell": "lstm", "units": (3, 6, 4), "unroll": "wavefront"}),
    "aidax lstm": ("aidax", AidaX, {"cell": "lstm", "units": (16,), "inputs": 1, "outputs": 1, "sample_rate": 44100}),
    "aidax gru": ("aidax", AidaX, {"cell": "gru_after", "units": (8,), "inputs": 3, "outputs": 1}),
    "aidax residual": ("aidax", AidaX, {"cell": "lstm", "units": (12,), "inputs": 1, "outputs": 1, "residual": True}),
    "nam": ("nam", Nam, {"cell": "lstm", "units": (6, 6), "inputs": 1, "outputs": 1, "sample_rate": 48000}),
    "nam one layer": ("nam", Nam, {"cell": "lstm", "units": (5,), "inputs": 1, "outputs": 1}),
}


@pytest.fixture(scope="module", params=PLUG_INS)
def written(request, tmp_path_factory):
    """The network, its cell, and a reader of the file."""
    name, reader, described = PLUG_INS[request.param]
    trained, folder = network(**described), tmp_path_factory.mktemp("export")
    (file,) = write(trained, [name], folder)
    assert [file] == list(folder.iterdir())
    return trained, described["cell"], reader(file)


def inputs_of(trained):
    return series(trained.description.ends.inputs, STEPS)


def test_a_file_gives_the_predictions_of_numpy(written):
    trained, cell, engine = written
    engine.reset()
    np.testing.assert_allclose(engine(inputs_of(trained)), expected(cell, trained, inputs_of(trained)), atol=EXACT)


@pytest.mark.parametrize("size", BLOCKS)
def test_a_file_streamed_gives_the_predictions_of_the_pipeline(written, size):
    trained, _, engine = written
    x_NI = inputs_of(trained)[: min(STEPS, 100 * size)]
    whole = Stream(Prediction(trained))(x_NI)
    engine.reset()
    np.testing.assert_allclose(in_blocks(engine, x_NI, size), whole, atol=AS_WE_DO)
    engine.reset()
    np.testing.assert_allclose(engine(x_NI[:50]), whole[:50], atol=AS_WE_DO, err_msg="a reset is a fresh start")


def test_aida_x_finds_the_samples_that_it_checks_itself_with(tmp_path):
    trained = network("gru_after", (8,), inputs=1, outputs=1)
    engine = AidaX(*write(trained, ["aidax"], tmp_path))
    x_N, y_N = (np.array(engine.content[name]) for name in ("input_batch", "output_batch"))
    assert x_N.shape == y_N.shape == (2048,)
    np.testing.assert_allclose(engine(x_N[:, np.newaxis])[:, 0], y_N, atol=AS_WE_DO)


@pytest.mark.parametrize("rate", [44100, None])
def test_the_sample_rate_is_a_number_or_absent(tmp_path, rate):
    trained = network(units=(8,), inputs=1, outputs=1, sample_rate=rate)
    aida, nam = (json.loads(file.read_text()) for file in write(trained, ["aidax", "nam"], tmp_path))
    assert aida.get("metadata", {}).get("samplerate") == nam.get("sample_rate") == rate
    assert ("sample_rate" in nam) == ("metadata" in aida) == (rate is not None)
