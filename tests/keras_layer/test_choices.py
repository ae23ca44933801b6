"""`unroll="auto"` takes what was measured to be faster than Keras's layers, as the model is compiled, or those."""

import itertools
import json
import platform

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.cell_table import known_cells
from echo_rnn.core.strategies import get_strategy, refusal
from echo_rnn.keras_layer import Unrolled, choices
from tests.core.cells.minimal_gated import MinimalGatedCell

X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Writes a table that counts in place of the package's: the ratios for XLA and for graphs, of cells."""

    def write(xla, graph, cells=("lstm",)):
        shape = {"processor": platform.machine(), "layers": 1, "units": 4, "steps": 5, "batch_size": 3}
        rows = [
            {**shape, "cell": cell, "compiled": way, "ratios": each}
            for cell in cells
            for way, each in {"xla": xla, "graph": graph}.items()
        ]
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        file.write_text(json.dumps({"rows": rows}))
        monkeypatch.setenv("ECHO_RNN_CHOICES", str(file))

    return write


def trained(layer, jit):
    model = keras.Sequential([keras.Input(X.shape[1:]), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=jit)
    model.fit(X, np.ones((3, 1), np.float32), verbose=0)
    return layer


def test_the_way_to_compile_decides(table):
    table(xla={"wavefront": [0.4, 0.5, 0.6], "deferred": [0.6, 0.7, 0.8]}, graph={"block": [0.2, 0.3, 0.4]})
    assert trained(Unrolled(4, unroll="auto"), jit=True).chosen == "wavefront"
    assert trained(Unrolled(4, unroll="auto"), jit=False).chosen == "block"
    layer = Unrolled(4, unroll="auto")
    layer(X)
    assert layer.chosen == "block"
    tf.function(layer, jit_compile=True)(X)  # nobody can say here how it is compiled
    assert layer.chosen == "keras"


def test_nothing_is_taken_that_is_not_shown_to_be_faster(table):
    unsure = {"wavefront": [0.5, 0.9, 1.1], "partial4": [0.9, 0.95, 0.98], "deferred": [1.5, 1.6, 1.7]}
    table(xla={}, graph=unsure)
    layer = Unrolled(4, unroll="auto")
    layer(X)
    assert layer.chosen == "keras"
    table(xla={}, graph={"deferred": [0.6, 0.7, 0.8]})
    for kinds in ([keras.layers.GRUCell(4)], [keras.layers.LSTMCell(4), keras.layers.GRUCell(4)]):
        other = Unrolled(kinds, unroll="auto")
        other(X)
        assert other.chosen == "keras"
    own = Unrolled(MinimalGatedCell(4), unroll="auto")
    own(X)
    assert own.chosen == "dynamic"


def test_what_cannot_run_the_layer_is_passed_over(table):
    graph = {"block": [0.1, 0.2, 0.3], "wavefront": [0.3, 0.4, 0.5], "deferred": [0.6, 0.7, 0.8]}
    table(xla={}, graph=graph, cells=("lstm", "gru"))
    for layers, kind, expected in (
        (4, "gru", "wavefront"),
        ([keras.layers.LSTMCell(4), keras.layers.GRUCell(4)], "lstm", "deferred"),
    ):
        layer = Unrolled(layers, kind, unroll="auto")
        layer(X)
        assert layer.chosen == expected
    assert Unrolled.from_config(layer.get_config()).unroll == "auto"


def test_numbers_are_those_of_every_strategy():
    layer = Unrolled(4, unroll="auto")
    expected = layer(X)
    layer.unroll = "static"
    np.testing.assert_allclose(layer(X), expected, atol=1e-6)


def test_the_table_of_the_package_is_whole():
    rows = json.loads(choices.FILE.read_text())["rows"]
    assert {(row["cell"], row["compiled"]) for row in rows} == set(itertools.product(known_cells(), ("xla", "graph")))
    for row in rows:
        assert set(row) == {"processor", "cell", "compiled", "layers", "units", "steps", "batch_size", "ratios"}
        for label, (low, middle, high) in row["ratios"].items():
            assert 0 < low <= middle <= high
            compiled = "xla" if row["compiled"] == "xla" else "none"
            assert refusal(get_strategy(label), [row["cell"]], "float32", compiled) is None
