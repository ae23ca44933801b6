"""The sections that describe a benchmark: which shapes and strategies, and how they are measured."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from echo_rnn.config.fields import Name, Positive, Section, Sizes, Text, listed, text
from echo_rnn.core.cell_table import known_cells
from echo_rnn.core.compilation import Compile
from echo_rnn.core.strategies import find_strategy, label_forms

Label = Annotated[str, text(label_forms, find_strategy, "unknown_option")]
Cell = Annotated[
    str, text(lambda: f"one of {', '.join(known_cells())}", lambda name: name in known_cells(), "unknown_option")
]
_ONE_OR_MORE = (BeforeValidator(listed), Field(min_length=1))


class Grid(Section):
    """Every combination of the values is a shape; a single value may stand without brackets."""

    cell: Annotated[list[Cell], *_ONE_OR_MORE]
    layers: Sizes
    units: Sizes
    batch_size: Sizes
    window: Sizes
    inputs: Sizes
    precision: Annotated[list[Literal["float32", "bfloat16"]], *_ONE_OR_MORE]
    compile: Annotated[list[Compile], *_ONE_OR_MORE]
    shards: Sizes
    loss: Annotated[list[Literal["cross_entropy", "mse"]], *_ONE_OR_MORE]


class Sweep(Section):
    """A named set of shapes, and the strategies that are measured at each."""

    name: Name
    description: Text
    strategies: Annotated[list[Label], *_ONE_OR_MORE]
    memory: bool
    grids: Annotated[list[Grid], *_ONE_OR_MORE]


class Benchmark(Section):
    """How it is measured; see `echo_rnn.benchmark`."""

    rounds: Annotated[int, Field(ge=3, le=10**6)]
    processes: Annotated[int, Field(ge=1, le=1000)]
    more_processes: Annotated[int, Field(ge=0, le=1000)]
    forward: bool
    minimum_milliseconds: Positive
    budget_seconds: Positive
    remeasure: bool
