"""Neural Amp Modeler's own package gives the network's predictions from a `.nam` file; `make nam` installs it."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from echo_rnn.inference.exports import write
from tests.inference.networks import expected, network, series

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-nam" / "bin" / "python"


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="neural-amp-modeler is not installed: make nam")
@pytest.mark.parametrize("units", [(5,), (6, 6)])
def test_the_package_gives_the_predictions_of_numpy(tmp_path, units):
    trained = network("lstm", units, inputs=1, outputs=1, sample_rate=44100)
    (file,) = write(trained, ["nam"], tmp_path)
    np.save(tmp_path / "x.npy", series(1))
    command = [PYTHON, Path(__file__).with_name("nam_reader.py"), file, tmp_path / "x.npy", tmp_path / "y.npy"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert json.loads(answer.stdout.splitlines()[-1]) == {"sample_rate": 44100}
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected("lstm", trained, series(1))[:, 0], atol=1e-5)
