"""Every strategy computes the oracle's function: outputs, final states and all gradients, however it is compiled."""

import itertools
from unittest.mock import patch

import pytest
import tensorflow as tf

from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.core.unroll.block import block
from echo_rnn.core.unroll.wavefront import wavefront, waves_of
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from tests.core.unroll.equality import CELLS, assert_same, run
from tests.core.unroll.problems import SHAPES, problem


def stacked(strategy):
    """A strategy over waves with the layout of large layers, which the small ones here would not get."""

    def unroll(*arguments):
        with patch.dict(waves_of.__globals__, _SMALL=0):
            return strategy(*arguments)

    return unroll


# Those that compute in float64, as the oracle does.
STRATEGIES = {
    label: get_strategy(label).load()
    for label in (*labels(), "partial2")  # 2 does not divide the usual five steps, which partial5 has no loop for
    if get_strategy(label).strategy.precisions is None
} | {
    "checkpointed": get_strategy("checkpointed2").load(),  # of the usual five steps two segments, and one step more
    "wavefront_stacked": stacked(wavefront),
    "wavefront_deferred_stacked": stacked(wavefront_deferred),
}

RAGGED = [label for label in STRATEGIES if get_strategy(label.removesuffix("_stacked")).strategy.ragged]

# Float64 has 16 digits; sums of a few hundred products of values around 1 lose fewer than 4 of them.
TOLERANCE = 1e-10
# Float32 has 7 digits, of which the same sums leave 5.
TOLERANCE_32 = 1e-5


LAYOUTS = (("layer", False), ("layer", True), ("stack", True), ("stack", False))
EDGES = ("one_step", "one_row", "deeper_than_long")


def modes(turn):
    """Eagerly, and as a graph or under XLA in turn; and which of both is in the quick set."""
    yield "none", turn % 3 == 0
    yield ("graph", "xla")[turn % 2], turn % 3 != 0


def cross():
    """Strategy × cell × layers × lengths; of each strategy and cell one combination runs in the quick set.

    Eagerly that is a full cross. What is traced and compiled costs a hundred times as much: there each strategy meets
    each cell once, in a mode and a layout in turn, so that it meets every layout, each mode, and in each mode one layer
    and a stack. Cells have no code of their own for a graph or for XLA.
    """
    for (s, strategy), (c, cell) in itertools.product(enumerate(STRATEGIES), enumerate(CELLS)):
        layouts = [layout for layout in LAYOUTS if strategy in RAGGED or not layout[1]]
        turn = (s // 2 + c) % 4 * len(layouts) // 4
        for (mode, quick), (n, (shape, ragged)) in itertools.product(modes(s + c), enumerate(layouts)):
            if mode != "none" and n != turn:
                continue
            name = f"{strategy}-{cell}-{mode}-{shape}-{'ragged' if ragged else 'full'}"
            marks = [] if quick and n == turn else pytest.mark.slow
            yield pytest.param(strategy, cell, mode, shape, ragged, id=name, marks=marks)


def edges():
    """Strategy × edge, cells in turn; of both one mode runs in the quick set."""
    for (s, strategy), (e, edge) in itertools.product(enumerate(STRATEGIES), enumerate(EDGES)):
        for m, (mode, quick) in enumerate(modes(s + e)):
            cell = list(CELLS)[(s + e + m) % len(CELLS)]
            name = f"{strategy}-{cell}-{mode}-{edge}"
            yield pytest.param(strategy, cell, mode, edge, False, id=name, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize(("strategy", "cell", "mode", "shape", "ragged"), [*cross(), *edges()])
def test_strategy_equals_oracle(strategy, cell, mode, shape, ragged):
    case = problem(cell, SHAPES[shape], ragged=ragged, dropped=ragged)
    assert_same(run(STRATEGIES[strategy], case, mode), case.answer, TOLERANCE)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("mode", ["none", "graph"])
@pytest.mark.parametrize("shape", SHAPES)
def test_block_kernel_equals_oracle_in_the_only_precision_it_has(shape, mode, ragged):
    case = problem("lstm", SHAPES[shape], ragged=ragged, dropped=ragged)
    assert_same(run(block, case, mode, tf.float32), case.answer, TOLERANCE_32)
