"""Stored activations by formula against what graphs really push to their stacks, and against numbers done by hand."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.benchmark.measure.shape import stored_bytes, written_out
from echo_rnn.benchmark.measure.workload import Program, draw_data
from echo_rnn.core.strategies import get_strategy
from tests.benchmark.shapes import tiny

SHAPE = tiny(layers=3, units=10, batch_size=7, window=20)
ONE = 7 * 10 * 4  # bytes of one value for each row and unit


def pushed_bytes(shape, label):
    """What the loops of a training step push for the way back, by the shapes of the tensors."""
    made = Program(shape, get_strategy(label).load(), draw_data(shape, 0, most_windows=2), 0)
    made.prepare()
    functions = made._loops["train"].graph._functions.values()
    graphs = [function.graph for function in functions if hasattr(function, "graph")]
    operations = [operation for graph in graphs for operation in graph.get_operations()]
    pushed = [operation.inputs[1] for operation in operations if operation.type == "TensorListPushBack"]
    values = sum(int(np.prod(tensor.shape)) for tensor in pushed if tensor.dtype == tf.float32)
    # A loop's body stands there twice, as it was traced and as it was rewritten.
    return 4 * values // 2 * shape.window


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_loop_pushes_what_the_formula_says(cell):
    # As many inputs as units, so that the lowest layer's input is one of the values; deep enough to forget the ends.
    shape = tiny(cell=cell, layers=4, units=6, inputs=6)
    assert pushed_bytes(shape, "dynamic") == pytest.approx(stored_bytes(shape, "dynamic"), rel=0.15)


@pytest.mark.parametrize(
    ("label", "lstm", "gru", "rnn"),
    [
        ("dynamic", 8 * 60, 7 * 60, 2 * 60),
        ("static", 8 * 60, 7 * 60, 2 * 60),
        ("partial7", 8 * 60, 7 * 60, 2 * 60),
        ("keras", 8 * 60, 7 * 60, 2 * 60),
        ("dynamic_rnn", 8 * 60, 7 * 60, 2 * 60),
        ("deferred", 6 * 60, 5 * 60, 60),
        ("wavefront", 8 * 66, 7 * 66, 2 * 66),
        ("wavefront_deferred", 7 * 66, 6 * 66, 2 * 66),
        ("checkpointed", 3 * (2 * 4 + 8 * 5), 3 * (4 + 7 * 5), 3 * (4 + 2 * 5)),  # 4 segments of 5 steps
        ("checkpointed8", 3 * (2 * 3 + 8 * 8), 3 * (3 + 7 * 8), 3 * (3 + 2 * 8)),
        ("checkpointed99", 3 * (2 + 8 * 20), 3 * (1 + 7 * 20), 3 * (1 + 2 * 20)),
    ],
)
def test_values_by_hand(label, lstm, gru, rnn):
    found = [stored_bytes(tiny(**{**vars(SHAPE), "cell": cell}), label) / ONE for cell in ("lstm", "gru", "rnn")]
    assert found == [lstm, gru, rnn]


def test_the_fused_kernel_stores_seven_values():
    assert stored_bytes(SHAPE, "block") == 7 * 60 * ONE


def test_keras_stores_half_as_many_bytes_in_bfloat16():
    narrow = tiny(**{**vars(SHAPE), "precision": "bfloat16"})
    assert stored_bytes(narrow, "keras") * 2 == stored_bytes(SHAPE, "keras")
    assert stored_bytes(narrow, "dynamic") == stored_bytes(SHAPE, "dynamic")


def test_cells_written_into_the_graph():
    found = {label: written_out(SHAPE, label) for label in ("dynamic", "static", "keras_unrolled", "partial6", "keras")}
    assert found == {"dynamic": 0, "static": 60, "keras_unrolled": 60, "partial6": 3 * (6 + 2), "keras": 0}
    assert written_out(SHAPE, "partial99") == 60
