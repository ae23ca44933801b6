"""What holds for all tests."""

import os
import signal

# Tests that run in the background ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests compile thousands of small programs and run each once: without LLVM's optimizer and MLIR's emitters of fused
# operations XLA compiles them five times as fast. What comes before, XLA's passes over the graph, stays.
# `XLA_FLAGS= make ...` compiles as users do; so do the processes of tests/pipelines.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")
