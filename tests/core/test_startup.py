"""TensorFlow starts quietly, with the threads that were asked for."""

import os
import subprocess
import sys

import pytest


def run(code, **variables):
    ours = ("TF_CPP_MIN_LOG_LEVEL", "XLA_FLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in ours} | variables
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)


STARTS = """
from echo_rnn.core.startup import start_tensorflow
start_tensorflow(1)
import tensorflow as tf
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
"""


def test_threads_are_pinned_and_nothing_is_printed():
    answer = run(STARTS)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "1 1\n", "")


@pytest.mark.slow
def test_on_demand_tensorflow_logs():
    assert run(STARTS, TF_CPP_MIN_LOG_LEVEL="0").stderr != ""


@pytest.mark.slow
def test_a_failed_start_shows_what_was_quiet():
    answer = run(
        "from echo_rnn.core.startup import _quiet\nwith _quiet():\n    __import__('os').write(2, b'why')\n    1 / 0"
    )
    assert "why" in answer.stderr


@pytest.mark.slow
def test_another_number_of_threads_in_a_started_process_is_refused():
    answer = run(STARTS + "start_tensorflow(2)")
    assert "runtime.threads: expected 1, with which TensorFlow has started in this process, got 2" in answer.stderr


LOOP = """
import os
from pathlib import Path
from echo_rnn.core.startup import start_tensorflow
start_tensorflow(1, fused_loop_bytes=LIMIT)
import tensorflow as tf
grow = tf.function(lambda x: tf.while_loop(lambda x: x < 9.0, lambda x: [tf.tanh(x) + x], [x]), jit_compile=True)
grow(tf.constant(1.0))
print(os.environ["XLA_FLAGS"])
print(sum("xla_cpu_small_call" in file.read_text() for file in Path(FOLDER).glob("*after_optimizations.txt")))
"""


@pytest.mark.parametrize(
    ("limit", "option", "fused"),
    [
        (100_000, "", 1),
        (100_000, "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1", 0),
        (1, "", 0),
    ],
)
def test_a_small_loop_is_fused_unless_a_person_set_the_option(tmp_path, limit, option, fused):
    theirs = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text {option}"
    answer = run(LOOP.replace("FOLDER", repr(str(tmp_path))).replace("LIMIT", str(limit)), XLA_FLAGS=theirs)
    assert answer.stdout.splitlines() == [theirs, str(fused)]
