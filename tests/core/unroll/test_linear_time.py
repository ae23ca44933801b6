"""A turn of a loop under XLA touches one slice of an array of all time steps, never the whole: linear time in T.

It is read off the programs. With TensorFlow's own gradient of a write into an array, XLA copies the array in each turn.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.core.unroll.scan import reader, scan
from tests.core.unroll.copies import SEGMENT
from tests.core.unroll.equality import CELLS

ROOT = Path(__file__).parents[3]
THEIRS = ("dynamic_rnn", "keras")  # the loops are TensorFlow's and Keras's
SHORTER = {"partial5": "partial2", "checkpointed": f"checkpointed{SEGMENT}"}
OURS = [
    SHORTER.get(label, label)
    for label in labels()
    if label not in THEIRS and get_strategy(label).strategy.xla and get_strategy(label).written_out(100) < 100
]
COLUMNS, STACKED = 4, 12  # units for which waves have one layout or the other


def cases():
    """Each loop in each of its layouts, with the LSTM and with one other cell in turn."""
    layouts = [
        (label, units)
        for label in OURS
        for units in ((COLUMNS, STACKED) if label.startswith("wavefront") else (COLUMNS,))
    ]
    others = itertools.cycle(cell for cell in CELLS if cell != "lstm")
    return [(label, units, cell) for label, units in layouts for cell in ("lstm", next(others))]


CASES = cases()


def made_whole(cases):
    """For each strategy, number of units and cell: what a turn makes whole, of each loop of its program.

    All in one process, which compiles as users do but for the machine code, which comes after all that is looked at.
    """
    flags = ("backend_optimization_level=0", "llvm_disable_expensive_passes=true", "cpu_parallel_codegen_split_count=1")
    environment = os.environ | {"XLA_FLAGS": " ".join(f"--xla_{flag}" for flag in flags)}
    command = [sys.executable, "-m", "tests.core.unroll.copies", json.dumps(cases)]
    answer = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return dict(zip(cases, map(json.loads, answer.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("others", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["dynamic", "others"])
def test_no_turn_of_a_loop_makes_a_whole_array_of_time_steps(others):
    for case, loops in made_whole([case for case in CASES if (case[0] != "dynamic") == others]).items():
        assert len(loops) >= 2, case  # forward and backward
        assert not any(loops), case


def test_loops_of_tensorflow_and_keras_copy_one_twice_in_each_turn_of_the_backward_pass():
    for case, loops in made_whole([(label, COLUMNS, "lstm") for label in THEIRS]).items():
        backward = [made for made in loops if made]
        assert len(backward) == len(loops) / 2, case
        assert all(len(made) == 2 and all(each.startswith("copy ") for each in made) for made in backward), case


class Running(tf.Module):
    """The running product of what it is called with, written in a loop."""

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float64)], autograph=False)
    def __call__(self, x_TB):
        read = reader(x_TB, tf.shape(x_TB)[0])

        def one_step(t, product_B):
            product_B = product_B * read(t)
            return product_B, [product_B]

        array = tf.TensorArray(x_TB.dtype, tf.shape(x_TB)[0])
        return scan(one_step, tf.ones_like(x_TB[0]), [array], tf.shape(x_TB)[0])[1][0]


def derivatives(function, x_TB):
    """First, second and third derivatives along x of the sum of squares."""
    x_TB = tf.constant(x_TB)
    with tf.GradientTape() as third:
        third.watch(x_TB)
        with tf.GradientTape() as second:
            second.watch(x_TB)
            with tf.GradientTape() as first:
                first.watch(x_TB)
                loss = tf.reduce_sum(function(x_TB) ** 2)
            d = first.gradient(loss, x_TB)
            penalty = tf.reduce_sum(d**2)
        d2 = second.gradient(penalty, x_TB)
        penalty = tf.reduce_sum(d2**2)
    return d, d2, third.gradient(penalty, x_TB)


def test_a_loop_that_writes_has_the_derivatives_of_the_product_and_keeps_them_in_a_saved_model(tmp_path):
    x_TB = np.random.default_rng(0).normal(size=(4, 3))
    running = Running()
    expected = derivatives(lambda x_TB: tf.math.cumprod(x_TB, axis=0), x_TB)
    for ours, each in zip(derivatives(running, x_TB), expected, strict=True):
        np.testing.assert_allclose(ours, each, rtol=1e-10, atol=1e-10)  # float64, as in the laws
    tf.saved_model.save(running, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(derivatives(loaded, x_TB)[0], expected[0], rtol=1e-10, atol=1e-10)
