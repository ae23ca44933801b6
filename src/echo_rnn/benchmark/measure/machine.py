"""What a machine does beside timing: its own matrix product, and the peak memory of one strategy in a fresh process."""

import re
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import tensorflow as tf

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.workload import Program, draw_data, spend_first_costs
from echo_rnn.core.unroll import Unroll

_SIZE = 2048
_REPEATS = 5
_STEPS = 3


def peak_gflops() -> float:
    """Multiplications and additions in 10⁹ per second, of which a shape's rate is a share.

    The best of several large float32 products, on all threads.
    """
    one, other = np.random.default_rng(0).standard_normal((2, _SIZE, _SIZE), dtype=np.float32)
    one, other = tf.convert_to_tensor(one), tf.convert_to_tensor(other)
    seconds = []
    for _ in range(_REPEATS + 1):  # the first one warms up
        start = time.perf_counter()
        # A fetched value makes sure that the product is over.
        float(tf.matmul(one, other)[0, 0])
        seconds.append(time.perf_counter() - start)
    return 2 * _SIZE**3 / min(seconds) / 1e9


def memory_raise(shape: Shape, unroll: Unroll, seed: int) -> int:
    """By how many bytes a few training steps raise the peak of this process's resident set.

    Included is all that the strategy needs: data, weights, optimizer, graph, executable and activations. What the first
    run of anything costs is spent before on a tiny shape.
    """
    spend_first_costs(shape, unroll, seed)
    before = psutil.Process().memory_info().rss
    # Forgets what importing TensorFlow needed for a moment, where the system can.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    Program(shape, unroll, draw_data(shape, seed, most_windows=2), seed).run("train", _STEPS)
    return max(0, _peak() - before)


def _peak() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        status = ""
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found:
        return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
