"""What holds for all tests."""

import atexit
import gc
import os
import shutil
import signal
import tempfile
from pathlib import Path

import hypothesis

# Tests that run in the background ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests compile thousands of small programs and run each once: without LLVM's optimizer and MLIR's emitters of fused
# operations, and with a whole program in one LLVM module, XLA compiles them three to seven times as fast. What comes
# before, XLA's passes over the graph, stays. `XLA_FLAGS= make ...` compiles as users do; so does what tests/pipelines
# starts.
CHEAP = (
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
os.environ.setdefault("XLA_FLAGS", " ".join(CHEAP))

# Tracing makes many objects that live as long as their graph; looking through all of them for garbage, often, costs.
gc.set_threshold(50_000, 20, 50)

# The user's cache directory of this run of the tests: compiled programs of tests are shared by all its processes, and
# nothing is left in that of a person, whose other caches are used.
if "ECHO_RNN_TESTS" not in os.environ:
    theirs = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    ours = Path(tempfile.mkdtemp(prefix="echo-rnn-tests-"))
    for entry in theirs.iterdir() if theirs.is_dir() else ():
        if entry.name != "echo-rnn":
            (ours / entry.name).symlink_to(entry)
    os.environ |= {"ECHO_RNN_TESTS": str(ours), "XDG_CACHE_HOME": str(ours)}
    atexit.register(shutil.rmtree, ours, ignore_errors=True)

# No law of this project holds a time, and a busy machine is no counterexample.
hypothesis.settings.register_profile("without deadline", deadline=None)
hypothesis.settings.load_profile("without deadline")
