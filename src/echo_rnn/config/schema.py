"""The typed schema of `conf/`: what every key is, its range, and what must hold between keys.

A rule between keys raises `conflict` with every key that could give way, so that its message can name the one that a
person has just changed, and its file.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from echo_rnn.config.benchmarks import Benchmark, Sweep
from echo_rnn.config.fields import Count, FilledText, Name, NonNegative, Section, Size, Text
from echo_rnn.config.network import Model, Unroll, network_refusal
from echo_rnn.config.optimizers import AnyClipping, Optimizer, Schedule
from echo_rnn.core.compilation import Compile
from echo_rnn.redact import redact

Side = tuple[str, str, Any]
"""A key that could give way, what is expected of it, and what came."""


def conflict(*sides: Side, choice: bool = False) -> PydanticCustomError:
    """An error of a rule between keys.

    Args:
        sides: The keys that could give way; among those that a person set last, the first one is named.
        choice: Whether another option of the group is wanted rather than another value in its file.
    """
    named = [{"key": key, "expected": expected, "came": came, "choice": choice} for key, expected, came in sides]
    return PydanticCustomError("conflict", "keys that exclude each other", {"sides": named})


class Echo(Section):
    """The echo task; see `echo_rnn.tasks.echo`."""

    name: Literal["echo"]
    echo_step: Count
    batch_size: Size
    series_length: Size
    validation_length: Size
    test_length: Size

    @property
    def lengths(self) -> dict[str, int]:
        """Time steps over all rows of each series, by the key that sets them."""
        return {key: getattr(self, key) for key in ("series_length", "validation_length", "test_length")}


class EarlyStop(Section):
    """When training stops before its last epoch."""

    patience: Annotated[int, Field(ge=1)] | None
    min_delta: NonNegative


class Checkpoint(Section):
    """When a training saves what it would resume from; see `echo_rnn.training.checkpoints`."""

    seconds: NonNegative
    keep: Annotated[int, Field(ge=1, le=1000)]


class Trainer(Section):
    """Truncated backpropagation through time; see `echo_rnn.training`."""

    epochs: Annotated[int, Field(ge=1, le=10**6)]
    window: Size
    compile: Compile
    shards: Annotated[int, Field(ge=1, le=1024)]
    scope: Literal["step", "block"]
    validate_every: Annotated[int, Field(ge=1)]
    early_stop: EarlyStop
    checkpoint: Checkpoint


class Runtime(Section):
    """What is pinned so that a run repeats."""

    threads: Annotated[int, Field(ge=1, le=1024)]


class Tracking(Section):
    """Where runs are recorded; see `echo_rnn.tracking`."""

    enabled: bool
    uri: FilledText | None
    experiment: Name

    @field_validator("uri")
    @classmethod
    def _is_no_secret(cls, uri: str | None) -> str | None:
        # The configuration is committed, logged and shown.
        if uri is not None and redact(uri) != uri:
            expected = (
                "an address without user and password (set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)"
            )
            raise conflict(("tracking.uri", expected, redact(uri)))
        return uri


class Experiment(Section):
    """What a run is called and what it is for."""

    name: Name
    description: Text


class Config(Section):
    """The whole configuration."""

    task: Echo
    model: Model
    unroll: Unroll
    optimizer: Optimizer
    schedule: Schedule
    clipping: AnyClipping
    trainer: Trainer
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    runtime: Runtime
    tracking: Tracking
    experiment: Experiment
    sweep: Sweep
    benchmark: Benchmark

    @model_validator(mode="after")
    def _one_size_for_each_layer(self) -> "Config":
        units, layers = self.model.units, self.model.layers
        if len(units) not in (1, layers):
            raise conflict(
                ("model.units", f"one size, or one for each of model.layers = {layers}", units),
                ("model.layers", f"{len(units)}, one for each size of model.units", layers),
            )
        return self

    @model_validator(mode="after")
    def _series_are_longer_than_the_echo(self) -> "Config":
        step = self.task.echo_step
        for key, length in self.task.lengths.items():
            if step >= length:
                raise conflict(
                    ("task.echo_step", f"fewer steps than task.{key} = {length}", step),
                    (f"task.{key}", f"more time steps than task.echo_step = {step}", length),
                )
        return self

    @model_validator(mode="after")
    def _rows_divide_the_series(self) -> "Config":
        rows = self.task.batch_size
        for key, length in self.task.lengths.items():
            if length % rows:
                raise conflict(
                    ("task.batch_size", f"a number of rows that divides task.{key} = {length}", rows),
                    (f"task.{key}", f"a multiple of task.batch_size = {rows}", length),
                )
        return self

    @model_validator(mode="after")
    def _rows_hold_a_window(self) -> "Config":
        rows, window = self.task.batch_size, self.trainer.window
        for key, length in self.task.lengths.items():
            if window > length // rows:
                raise conflict(
                    (
                        "trainer.window",
                        f"at most {length // rows} time steps, a row of task.{key} = {length} in "
                        f"task.batch_size = {rows}",
                        window,
                    ),
                    (
                        f"task.{key}",
                        f"at least {rows * window} time steps, a window of trainer.window = {window} "
                        f"in each of task.batch_size = {rows}",
                        length,
                    ),
                    (
                        "task.batch_size",
                        f"rows of task.{key} = {length} that hold a window of trainer.window = {window}",
                        rows,
                    ),
                )
        return self

    @model_validator(mode="after")
    def _shards_are_compiled(self) -> "Config":
        compiled, shards = self.trainer.compile, self.trainer.shards
        if shards > 1 and compiled != "xla":
            raise conflict(
                ("trainer.shards", f"1 for trainer.compile = {compiled} (shards are programs of XLA)", shards),
                ("trainer.compile", f"xla for trainer.shards = {shards}", compiled),
            )
        for grid in self.sweep.grids:
            other = [each for each in grid.compile if each != "xla"]
            if max(grid.shards) > 1 and other:
                raise conflict(("sweep.grids", f"shards: 1 in a grid with compile: {other[0]}", grid.shards))
        return self

    @model_validator(mode="after")
    def _network_can_be_unrolled(self) -> "Config":
        expected = network_refusal(self.model, self.unroll, self.trainer.compile)
        if expected is not None:
            raise conflict(("unroll.name", expected, self.unroll.name), choice=True)
        return self

    @property
    def run_name(self) -> str:
        """What the run is in a few characters, for example `lstm3x4-dynamic-T15-seed0`."""
        sizes = self.model.sizes
        stack = f"{len(sizes)}x{sizes[0]}" if len(set(sizes)) == 1 else "-".join(map(str, sizes))
        return f"{self.model.cell}{stack}-{self.unroll.label}-T{self.trainer.window}-seed{self.seed}"
