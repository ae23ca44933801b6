"""Shapes small enough to be built in a test."""

from dataclasses import replace

from echo_rnn.benchmark.measure.shape import Shape

TINY = Shape("lstm", 2, 3, 2, 4, 2, "float32", "graph", 1)
SEED = Shape("lstm", 3, 4, 5, 15, 1, "float32", "xla", 2)


def tiny(**changes):
    return replace(TINY, **changes)
