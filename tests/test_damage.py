"""Every file that the program reads back: damaged in any way, it is refused with an error that names it, or unchanged.

Nothing else may happen: no traceback, and never a value that was not written.
"""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

from echo_rnn.benchmark.measure import records
from echo_rnn.config import compose, read
from echo_rnn.config.network import MODEL
from echo_rnn.core.model import build, flat
from echo_rnn.core.strategies import get_strategy
from echo_rnn.errors import UserError
from echo_rnn.files import replacing
from echo_rnn.inference import store as trained
from echo_rnn.inference.description import Description
from echo_rnn.manifest import Manifest
from echo_rnn.stages.job import RESULT
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tasks.echo import Echo
from echo_rnn.tasks.synthetic import SplitLengths, generate
from tests.benchmark.synthetic import record
from tests.inference.networks import BITS
from tests.refusals import refused

CONF = Path(__file__).parents[1] / "conf"
DROPOUT = {"between": 0.0, "output": 0.0, "variational": False}
SECTION = {"cell": "rnn", "layers": 1, "units": [3], "precision": "float32", "residual": False, "dropout": DROPOUT}
RNN = MODEL.validate(SECTION)
UNROLL = get_strategy("dynamic")


def make_dataset(folder):
    generate(Echo(2, 2), seed=0, epochs=2, lengths=SplitLengths(60, 20, 20), folder=folder)


def load_dataset(folder):
    data = open_dataset(folder)
    return data.digest, [(split.x_EBNI.tolist(), split.y.tolist()) for split in (data.train, data.validation)]


def make_network(folder):
    weights = build(RNN.stack, UNROLL, 1, 2).initial_weights(np.random.SeedSequence(1))
    trained.save(folder, Description(RNN, UNROLL, BITS), weights, run_id="a" * 32, dataset_digest="d")


def load_network(folder):
    found = trained.load(folder)
    return found.run_id, [leaf.numpy().tolist() for leaf in flat(found.weights)]


def make_configuration(folder):
    params = folder / "params.yaml"
    params.write_text(yaml.safe_dump({"groups": {}, "values": {}}))
    compose(params, CONF).write(folder / "config.yaml")


class Stored(NamedTuple):
    make: Callable[[Path], object]
    load: Callable[[Path], Any]
    file: str


FILES = {
    "series": Stored(make_dataset, load_dataset, "train_x.npy"),
    "dataset": Stored(make_dataset, load_dataset, "dataset.json"),
    "weights": Stored(make_network, load_network, "weights.npz"),
    "keras": Stored(make_network, load_network, "model.keras"),
    "network": Stored(make_network, load_network, "model.json"),
    "configuration": Stored(make_configuration, lambda folder: read(folder / "config.yaml"), "config.yaml"),
    "result": Stored(
        lambda folder: RESULT.write(folder, {"overrides": ["seed=1"], "metrics": {"accuracy": 0.5}}),
        RESULT.read,
        "result.json",
    ),
    "benchmark": Stored(
        lambda folder: record({"dynamic": 1.0}).write(folder / "0.json"),
        lambda folder: records.read(folder / "0.json"),
        "0.json",
    ),
}


@pytest.fixture(scope="module", params=FILES)
def whole(request, tmp_path_factory):
    """One kind of file in a folder, with the value that is loaded from it."""
    stored = FILES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    stored.make(folder)
    return stored, folder, stored.load(folder)


@pytest.fixture
def spoil(whole, tmp_path):
    """Damages a copy and checks that it is refused, or loaded with the same value."""
    stored, folder, value = whole

    def spoil(damage):
        copy = Path(shutil.copytree(folder, tmp_path / "copy"))
        damage(copy / stored.file)
        try:
            assert stored.load(copy) == value
            return False
        except UserError as error:
            assert str(copy / stored.file) in str(error)
            assert "\n" not in str(error)
            return True
        finally:
            shutil.rmtree(copy)

    return spoil


def rewritten(change):
    """Damage to the bytes of a file."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def in_its_place(make):
    def damage(path):
        path.unlink()
        make(path)

    return damage


def flipped(content, bit):
    at, which = divmod(bit, 8)
    return content[:at] + bytes([content[at] ^ 1 << which]) + content[at + 1 :]


REFUSED = {
    "missing": lambda path: path.unlink(),
    "empty": rewritten(lambda content: b""),
    "a folder instead": in_its_place(lambda path: path.mkdir()),
    "a link that leads nowhere": in_its_place(lambda path: path.symlink_to("nowhere")),
    "one byte less": rewritten(lambda content: content.rstrip()[:-1]),
    "more at its end": rewritten(lambda content: content + b"more"),
    "zeros": rewritten(lambda content: bytes(len(content))),
    "bytes at random": rewritten(lambda content: random.Random(0).randbytes(len(content))),
    "a file of another kind": rewritten(lambda content: b'{"a": 1}'),
    "lists in lists": rewritten(lambda content: b"[" * 100_000),
}


@pytest.mark.parametrize("damage", REFUSED)
def test_what_is_no_such_file_is_refused(spoil, damage):
    assert spoil(REFUSED[damage])


def test_wherever_it_is_cut_it_is_refused(spoil, whole):
    stored, folder, _ = whole
    length = len((folder / stored.file).read_bytes().rstrip())
    for at in random.Random(1).sample(range(length), min(40, length)):
        assert spoil(rewritten(lambda content, at=at: content[:at])), at


def test_whichever_bit_flips_it_is_refused_or_says_the_same(spoil, whole):
    stored, folder, _ = whole
    bits = 8 * len((folder / stored.file).read_bytes())
    for bit in random.Random(2).sample(range(bits), min(120, bits)):
        spoil(rewritten(lambda content, bit=bit: flipped(content, bit)))


def test_another_version_is_refused(spoil, whole):
    stored, folder, _ = whole
    content = (folder / stored.file).read_bytes()
    if version := re.search(rb'"format": (\d+)', content):
        assert spoil(rewritten(lambda content: content.replace(version[0], b'"format": 99')))


@pytest.mark.parametrize("kind", ["series", "weights"])
def test_another_file_in_the_place_of_the_verified_one_is_refused(tmp_path, monkeypatch, kind):
    """As where a training ends while its network is loaded: parts of two would be one that nobody trained."""
    stored, verify = FILES[kind], Manifest.verify
    stored.make(tmp_path)

    def then_replaced(manifest, path, entry, purpose):
        verify(manifest, path, entry, purpose)
        if path.name == stored.file:
            with replacing(path) as other:
                other.write_bytes(path.read_bytes())
        return path

    monkeypatch.setattr(Manifest, "verify", then_replaced)
    with refused("manifest.replaced", stored.file):
        stored.load(tmp_path)
