"""Shapes for contestants."""

from dataclasses import replace

from echo_rnn.benchmark.measure.shape import Shape

SEED = Shape("lstm", 3, 4, 5, 15, 1, "float32", "xla", 2)
TINY = Shape("lstm", 2, 3, 2, 4, 1, "float32", "graph", 1)


def tiny(**changes):
    return replace(TINY, **changes)
