"""A small file never asks for much: sizes are compared with what is stated before memory is taken."""

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest
import yaml

from echo_rnn.config import compose, read
from echo_rnn.config.composition import _FIRST_LINE, _checksum
from echo_rnn.manifest import Manifest
from tests.refusals import refused
from tests.test_damage import CONF

MANIFEST = Manifest("thing", 1, "make it again", "thing.json")
LAUGHS = "a: &a [1, 2]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def member(shape, data=b"", dtype="<f4"):
    """A member of an archive whose header states a shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


def archive(path, content, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("0.npy", content)


@pytest.mark.parametrize(
    ("content", "compression"),
    [
        (member((2**22,), bytes(2**24)), zipfile.ZIP_DEFLATED),  # inflates a thousand times
        (member((2**40,), bytes(8)), zipfile.ZIP_STORED),  # states more than it has
        (member((2**62, 2**62), bytes(8)), zipfile.ZIP_STORED),
        (member((1,), bytes(8), "|O"), zipfile.ZIP_STORED),
        (b"no array", zipfile.ZIP_STORED),
    ],
)
def test_arrays_that_ask_for_more_than_the_file_has_are_refused(tmp_path, content, compression):
    path = tmp_path / "arrays.npz"
    archive(path, content, compression)
    tracemalloc.start()
    with refused("manifest.damaged", path):
        MANIFEST.read_arrays(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**21


def test_arrays_come_back(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros((), np.int64)}
    np.savez(tmp_path / "arrays.npz", **arrays)
    found = MANIFEST.read_arrays(tmp_path / "arrays.npz")
    assert {name: array.tolist() for name, array in found.items()} == {"a": [[0, 1, 2], [3, 4, 5]], "b": 0}


def test_aliases_in_params_are_refused_at_once(tmp_path):
    params = tmp_path / "params.yaml"
    params.write_text(f"{LAUGHS}groups: {{}}\nvalues: {{x: *i}}\n")
    with refused("config.not_composable") as caught:
        compose(params, CONF)
    assert "alias" in str(caught.value)


def test_aliases_under_a_right_checksum_are_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"{_FIRST_LINE}{_checksum(LAUGHS)}\n{LAUGHS}")
    with refused("config.damaged", path):
        read(path)


def test_what_a_composed_configuration_needs_is_allowed(tmp_path):
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump({"groups": {}, "values": {"experiment": {"description": "2 * 3 & more"}}}))
    compose(params, CONF).write(tmp_path / "config.yaml")
    assert read(tmp_path / "config.yaml").experiment.description == "2 * 3 & more"


def test_a_manifest_of_another_content_under_a_right_digest_is_refused(tmp_path):
    from echo_rnn.tasks.dataset import MANIFEST as DATASET  # noqa: PLC0415
    from echo_rnn.tasks.dataset import open_dataset  # noqa: PLC0415

    DATASET.write(tmp_path, {"task": [], "splits": 3})
    with refused("manifest.damaged", tmp_path / "dataset.json"):
        open_dataset(tmp_path)
    assert json.loads((tmp_path / "dataset.json").read_text())["splits"] == 3
