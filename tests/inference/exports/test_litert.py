"""LiteRT models give the network's predictions in the interpreter of devices, in a process without TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from echo_rnn.inference.exports import write
from echo_rnn.inference.exports.litert import BLOCK
from tests.inference.networks import BLOCKS, CELLS, expected, network, series

STEPS = 2000
TOLERANCE = 1e-5
READER = Path(__file__).with_name("litert_reader.py")

# Every cell, and everything else that differs with one of them.
DESCRIBED = {cell: {"cell": cell} for cell in CELLS}
DESCRIBED["gru_after"] |= {"residual": True}
DESCRIBED["gru_before"] |= {"units": (16,), "inputs": 1, "outputs": 1}
DESCRIBED["rnn"] |= {"kind": "classes", "outputs": 3}


@pytest.mark.parametrize(
    "name", [name if name == "lstm" else pytest.param(name, marks=pytest.mark.slow) for name in DESCRIBED]
)
def test_blocks_of_any_size_give_the_predictions_of_numpy(tmp_path, name):
    described = DESCRIBED[name]
    trained = network(**described)
    files = write(trained, ["litert"], tmp_path)
    x_NI = series(trained.description.ends.inputs)[:STEPS]
    np.save(tmp_path / "x.npy", x_NI)
    # By itself: a converter that leaves weights out fails only where they are not in memory anyway.
    command = [sys.executable, READER, *files, str(BLOCK), tmp_path, json.dumps(BLOCKS)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    wanted = expected(described["cell"], trained, x_NI)
    for size in BLOCKS:
        got = np.load(tmp_path / f"{size}.npy")
        np.testing.assert_allclose(got, wanted[: len(got)], atol=TOLERANCE)
        assert len(got) == min(STEPS, 200 * size)
    np.testing.assert_allclose(np.load(tmp_path / "again.npy"), wanted[:5], atol=TOLERANCE, err_msg="a fresh start")
