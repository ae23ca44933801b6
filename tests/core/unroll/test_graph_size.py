"""How the graph grows with the window, and what stands in it, counted in operations."""

import pytest

from echo_rnn.core.cells import Gru, Lstm, Rnn
from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.core.unroll.deferred import deferred
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.partial import Partial
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from tests.core.unroll.counting import gradient_graph, operations


def size(unroll, steps):
    counts = operations(gradient_graph(unroll, steps))
    # Zeros are one constant where they are few and two constants and a fill where they are many.
    return counts.total() - 2 * counts["Fill"]


GROWING = [label for label in labels() if get_strategy(label).written_out(100) == 100]


@pytest.mark.parametrize("label", GROWING)
def test_graph_without_a_loop_grows_by_the_same_operations_with_each_step(label):
    sizes = [size(get_strategy(label).load(), steps) for steps in (5, 10, 15)]
    assert sizes[1] - sizes[0] == sizes[2] - sizes[1] > 5 * 2 * 10  # well over 10 for each step and layer


@pytest.mark.parametrize("label", ["partial3", *(label for label in labels() if label not in (*GROWING, "partial5"))])
def test_graph_of_a_loop_does_not_grow(label):
    strategy = get_strategy(label).load()
    assert size(strategy, 9) == size(strategy, 36)  # both divide into threes and are squares


def test_partial_graph_grows_with_the_steps_of_its_body():
    sizes = [size(Partial(steps), 36) for steps in (2, 4, 6)]
    assert sizes[1] - sizes[0] == sizes[2] - sizes[1] > 0


@pytest.mark.parametrize("steps", [5, 7])
def test_partial_of_all_steps_has_no_loop(steps):
    types = {op.type for op in gradient_graph(Partial(steps), 5).graph.get_operations()}
    assert "MatMul" in types
    assert not [kind for kind in types if "While" in kind]


CELLS = {
    # Recurrent weight gradients: in the reset-before GRU the candidate's product has an input of its own.
    "lstm": (lambda units: Lstm(units, forget_bias=1.0), 1),
    "gru_after": (lambda units: Gru(units, reset_after=True), 1),
    "gru_before": (lambda units: Gru(units, reset_after=False), 2),
    "rnn": (Rnn, 1),
}


@pytest.mark.parametrize("cell", CELLS)
def test_deferred_has_one_product_over_time_and_rows_for_each_weight_of_each_layer(cell):
    make, recurrent = CELLS[cell]
    steps, batch_size, layers = 11, 7, 3
    graph = gradient_graph(deferred, steps, sizes=(4,) * layers, batch_size=batch_size, cell=make).graph
    products = [op for op in graph.get_operations() if op.type == "MatMul" and op.get_attr("transpose_a")]
    assert [op.inputs[0].shape[0] for op in products] == [steps * batch_size] * layers * (1 + recurrent)
    # In the loops none is left, and outside them none runs step by step.
    bodies = [node for function in graph.as_graph_def().library.function for node in function.node_def]
    assert not [node for node in bodies if node.op == "MatMul" and node.attr["transpose_a"].b]
    assert not [op for op in graph.get_operations() if op.type.startswith("BatchMatMul")]


def test_dynamic_has_its_weight_gradients_in_the_loop():
    graph = gradient_graph(dynamic, 11, sizes=(4,) * 3, batch_size=7).graph
    bodies = [node for function in graph.as_graph_def().library.function for node in function.node_def]
    assert len([node for node in bodies if node.op == "MatMul" and node.attr["transpose_a"].b]) == 2 * 3


def test_deferred_wavefront_has_one_batched_product_for_each_weight():
    steps, batch_size, layers = 11, 7, 3
    # Smaller layers lie in columns, which need no batched product.
    graph = gradient_graph(wavefront_deferred, steps, sizes=(16,) * layers, batch_size=batch_size).graph
    products = [op for op in graph.get_operations() if op.type.startswith("BatchMatMul")]
    assert [op.inputs[0].shape[:2] for op in products] == [(layers, (steps + layers - 1) * batch_size)] * 2
