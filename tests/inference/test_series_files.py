"""Predictions from file to file equal those of arrays, in any format; what is no series is refused."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import soundfile

from echo_rnn.inference import series_files, store
from echo_rnn.inference.network import Network
from echo_rnn.stages.predict import run
from echo_rnn.tasks import sources
from echo_rnn.tasks.sources import open_source
from tests.inference.networks import ends, network, series
from tests.refusals import refused

STEPS = 1000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a network of two inputs and two targets, and its predictions."""
    trained, folder = network(inputs=2, outputs=2, sample_rate=8000), tmp_path_factory.mktemp("model")
    store.save(folder, trained.description, trained.weights, run_id="", dataset_digest="d")
    return folder, Network(trained).predict(series(2)[:STEPS])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(sources, "PIECE", 300)


def write_csv(path, x_NI, names=("in0", "in1")):
    pd.DataFrame(x_NI, columns=list(names)).to_csv(path, index=False)


INPUTS = {
    ".npy": np.save,
    ".csv": write_csv,
    ".wav": lambda path, x_NI: soundfile.write(path, x_NI, 8000, subtype="FLOAT"),
}
OUTPUTS = {
    ".npy": np.load,
    ".csv": lambda path: pd.read_csv(path).to_numpy(),
    ".wav": lambda path: soundfile.read(path, always_2d=True)[0],
}


@pytest.mark.parametrize(("given", "wanted"), [(".npy", ".csv"), (".csv", ".wav"), (".wav", ".npy")])
def test_a_file_is_predicted_as_an_array_is(tmp_path, model, given, wanted):
    folder, expected = model
    source, target = tmp_path / f"x{given}", tmp_path / f"y{wanted}"
    INPUTS[given](source, series(2)[:STEPS])
    assert run(source, target, folder) == STEPS
    np.testing.assert_allclose(OUTPUTS[wanted](target), expected, atol=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name}


def test_columns_are_found_by_their_names_and_others_are_not_read(tmp_path, model):
    folder, expected = model
    table = pd.DataFrame(series(2)[:STEPS], columns=["in0", "in1"])[["in1", "in0"]].assign(note="text")
    table.to_csv(tmp_path / "x.csv", index=False)
    run(tmp_path / "x.csv", tmp_path / "y.csv", folder)
    found = pd.read_csv(tmp_path / "y.csv")
    assert list(found) == ["out0", "out1"]
    np.testing.assert_allclose(found.to_numpy(), expected, atol=1e-6)


def test_integers_of_audio_are_read_as_parts_of_one(tmp_path):
    for subtype in ("PCM_16", "PCM_24"):
        soundfile.write(tmp_path / "x.wav", np.full((5, 2), 0.5), 8000, subtype=subtype)
        (block,) = series_files.read_blocks(open_source(tmp_path / "x.wav"), ends(2, 2))
        np.testing.assert_allclose(block, 0.5, atol=1e-4)


def spoilt(x_NI):
    x_NI = x_NI.copy()
    x_NI[701, 1] = np.nan
    return x_NI


X = series(2)[:STEPS]
BAD = {
    "no file": ("x.npy", lambda path: None, "data.unreadable"),
    "another format": ("x.mp3", lambda path: path.write_bytes(b""), "predict.unknown_format"),
    "no array": ("x.npy", lambda path: path.write_bytes(b"no array"), "data.damaged"),
    "an empty file": ("x.csv", lambda path: path.write_bytes(b""), "data.empty"),
    "no rows": ("x.csv", lambda path: path.write_text("in0,in1\n"), "data.empty"),
    "more columns": ("x.npy", lambda path: np.save(path, np.zeros((4, 3))), "predict.bad_columns"),
    "a missing column": ("x.csv", lambda path: write_csv(path, np.zeros((4, 3)), "abc"), "predict.bad_columns"),
    "not a number": ("x.npy", lambda path: np.save(path, spoilt(X)), "data.bad_value"),
    "an empty cell": ("x.csv", lambda path: write_csv(path, spoilt(X)), "data.bad_value"),
    "a doubled column": ("x.csv", lambda path: path.write_text("in0,in0\n1,2\n"), "data.doubled_column"),
    "text": ("x.csv", lambda path: path.write_text("in0,in1\n1,2\n1,two\n"), "data.bad_value"),
    "a decimal comma": ("x.csv", lambda path: path.write_text('in0,in1\n1,2\n1,"2,5"\n'), "data.bad_value"),
    "a longer row": ("x.csv", lambda path: path.write_text("in0,in1\n1,2\n1,2,3\n"), "data.ragged"),
    "another rate": ("x.wav", lambda path: soundfile.write(path, X, 44100), "predict.sample_rate"),
    "one channel": ("x.wav", lambda path: soundfile.write(path, X[:, 0], 8000), "predict.bad_columns"),
    "no audio": ("x.wav", lambda path: path.write_bytes(b"RIFF" * 9), "data.cut"),
    "pickles": ("x.npy", lambda path: np.save(path, np.array([[{}, {}]])), "data.damaged"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_series_is_refused_and_what_stood_there_is_whole(tmp_path, model, name):
    file, make, code = BAD[name]
    make(tmp_path / file)
    (tmp_path / "y.npy").write_bytes(b"before")
    with refused(code, file):
        run(tmp_path / file, tmp_path / "y.npy", model[0])
    assert (tmp_path / "y.npy").read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} <= {file, "y.npy"}


def test_the_row_and_the_column_of_a_bad_number_are_named(tmp_path, model):
    np.save(tmp_path / "x.npy", spoilt(X))
    with refused("data.bad_value", "row 702", "column 1"):
        run(tmp_path / "x.npy", tmp_path / "y.npy", model[0])


def test_a_cut_array_is_refused(tmp_path, model):
    np.save(tmp_path / "x.npy", X)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:-5])
    with refused("data.damaged", "x.npy"):
        run(tmp_path / "x.npy", tmp_path / "y.npy", model[0])


def test_the_input_is_not_overwritten(tmp_path, model):
    np.save(tmp_path / "x.npy", X)
    with refused("predict.same_file"):
        run(tmp_path / "x.npy", tmp_path / "x.npy", model[0])


@pytest.mark.parametrize("suffix", [".npy", ".wav", ".csv"])
def test_memory_does_not_grow_with_the_series(tmp_path, suffix):
    steps, its = 200_000, ends(2, 2)
    INPUTS[suffix](tmp_path / f"x{suffix}", np.zeros((steps, 2), np.float32))
    tracemalloc.start()
    with series_files.writing(tmp_path / f"y{suffix}", its, 8000) as write:
        for block in series_files.read_blocks(open_source(tmp_path / f"x{suffix}"), its):
            write(np.asarray(block, np.float32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(OUTPUTS[suffix](tmp_path / f"y{suffix}")) == steps
    assert peak < steps * 2 * 4, "less than the numbers themselves"
