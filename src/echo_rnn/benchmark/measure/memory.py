"""The peak memory of one strategy, alone in a fresh process."""

import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.workload import Program, draw_data, spend_first_costs
from echo_rnn.core.strategies import get_strategy

_STEPS = 3


def peak_raise(shape: Shape, label: str, seed: int) -> int:
    """By how many bytes a few training steps raise the peak of this process's resident set.

    Counted is all that the strategy needs: data, weights, optimizer, graph, executable and activations. What the first
    run of anything costs is spent before on a tiny shape.
    """
    unroll = get_strategy(label).load()
    spend_first_costs(shape, unroll, seed)
    before = psutil.Process().memory_info().rss
    _reset_peak()
    Program(shape, unroll, draw_data(shape, seed, most_windows=2), seed).train(_STEPS)
    return max(0, _peak() - before)


def _reset_peak() -> None:
    """Forgets what importing TensorFlow needed for a moment, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


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
