"""One compilation serves every call, wherever its windows begin and however many they are."""

import os
import subprocess
import sys

import pytest

RUNS = """
import sys
import numpy as np
import tensorflow as tf
from echo_rnn.core.windows.loop import WindowLoop

def body(arrays, state):
    state = ((state[0][0] + tf.reduce_sum(tf.cast(arrays[0], tf.float32)),),)
    return state, [state[0][0]]

loop = WindowLoop(body, [tf.TensorSpec((), tf.float32)], "xla")
buffer, state = np.ones((8, 3, 2), np.uint8), ((tf.constant(0.0),),)
for first, count in eval(sys.argv[1]):
    state, (sums,) = loop([buffer], first, count, state)
print(float(state[0][0]))
"""


def compiled_modules(folder, calls):
    """The programs that XLA says it compiled for `calls`, and the sum over all windows run."""
    variables = os.environ | {"XLA_FLAGS": f"--xla_dump_to={folder} --xla_dump_hlo_as_text"}
    command = [sys.executable, "-c", RUNS, repr(calls)]
    answer = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
    return len(list(folder.glob("module_*before_optimizations.txt"))), float(answer.stdout)


@pytest.mark.slow
def test_xla_compiles_once_for_all_first_windows_and_counts(tmp_path):
    once, windows = compiled_modules(tmp_path / "once", [(0, 8)])
    assert windows == 8 * 6
    often, windows = compiled_modules(tmp_path / "often", [(0, 1), (1, 3), (4, 2), (6, 1), (7, 1)])
    assert windows == 8 * 6
    assert often == once > 0
