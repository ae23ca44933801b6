"""Data is never run: nothing is unpickled, and no file or value names code that is called."""

import ast
import pickle
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from echo_rnn.core.cells.custom import build_custom
from echo_rnn.errors import UserError
from echo_rnn.inference import store as trained
from echo_rnn.inference.description import MANIFEST
from echo_rnn.manifest import file_entry
from tests.test_damage import make_network

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "h5py"}
CALLS = {
    "eval",
    "exec",
    "compile",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "joblib.load",
    "np.fromfile",
    "hydra.utils.instantiate",
    "keras.config.enable_unsafe_deserialization",
}


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def keyword(call, name):
    return next((ast.unparse(word.value) for word in call.keywords if word.arg == name), None)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_source_unpickles_or_runs_text(file):
    tree = ast.parse(file.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not {name.split(".")[0] for name in imported} & MODULES
    for call in calls(tree):
        name = ast.unparse(call.func)
        assert name not in CALLS, name
        if name in ("np.load", "numpy.load"):
            assert keyword(call, "allow_pickle") == "False"
        assert keyword(call, "safe_mode") != "False"
        assert keyword(call, "allow_pickle") != "True"
        assert keyword(call, "shell") != "True"
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not [text for text in texts if text.endswith((".h5", ".hdf5", ".pkl", ".pickle"))]


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def manifest_rewritten(folder):
    """Rewrites the manifest for changed files, as an attacker could."""
    content = MANIFEST.read(folder)
    del content["format"], content["digest"]
    MANIFEST.write(folder, content | {"files": {name: file_entry(folder / name) for name in content["files"]}})


def objects(folder, path):
    np.savez(folder / "weights.npz", np.array([Touch(path)], dtype=object))


def a_pickle(folder, path):
    (folder / "weights.npz").write_bytes(pickle.dumps(Touch(path)))


def fewer(folder, path):
    np.savez(folder / "weights.npz", np.zeros(3, np.float32))


def no_array(folder, path):
    with zipfile.ZipFile(folder / "weights.npz", "w") as file:
        file.writestr("arr_0.npy", b"\x93NUMPY\x01\x00")


@pytest.mark.parametrize("forge", [objects, a_pickle, fewer, no_array])
def test_weights_that_are_something_else_under_a_right_checksum_are_refused(tmp_path, forge):
    make_network(tmp_path)
    forge(tmp_path, tmp_path / "ran")
    manifest_rewritten(tmp_path)
    with pytest.raises(UserError) as caught:
        trained.load(tmp_path)
    assert caught.value.code == "manifest.damaged"
    assert str(caught.value).startswith(f"{tmp_path / 'weights.npz'}: expected ")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_code_in_a_keras_file_is_not_run(tmp_path):
    make_network(tmp_path)
    hidden = keras.Sequential([keras.Input((None, 1)), keras.layers.Lambda(lambda x: x)])
    hidden.save(tmp_path / "model.keras")
    manifest_rewritten(tmp_path)
    trained.load(tmp_path)  # reads the weights only
    with pytest.raises(ValueError, match=r"safe_mode|Lambda"):
        keras.saving.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("path", ["os:_exit", "os:system", "builtins:eval", "sys:exit", "math:pi", "os.path:nothing"])
def test_the_door_for_a_cell_of_ones_own_calls_nothing_that_makes_no_cell(path):
    with pytest.raises(UserError, match=r"^model.path: expected "):
        build_custom(3, path=path, options={})
