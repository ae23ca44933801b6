"""The typed schema of `conf/`: what every key is, its range, and what must hold between keys.

A rule between keys raises `Conflict` with the key to blame, so that its message can name the file to change.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from echo_rnn.config.fields import Count, Name, NonNegative, Section, Size
from echo_rnn.config.network import Model, Unroll
from echo_rnn.config.optimizers import AnyClipping, Optimizer, Schedule


def conflict(key: str, expected: str, came: Any) -> PydanticCustomError:
    """An error of a rule between keys; `key` is the dotted name of the value that should change."""
    return PydanticCustomError("conflict", "{expected}", {"key": key, "expected": expected, "came": came})


class Echo(Section):
    """The echo task; see `echo_rnn.tasks.echo`."""

    name: Literal["echo"]
    echo_step: Count
    rows: Size
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


class Trainer(Section):
    """Truncated backpropagation through time; see `echo_rnn.training`."""

    epochs: Annotated[int, Field(ge=1, le=10**6)]
    window: Size
    compile: Literal["none", "graph", "xla"]
    scope: Literal["step", "block"]
    validate_every: Annotated[int, Field(ge=1)]
    early_stop: EarlyStop


class Runtime(Section):
    """What is pinned so that a run repeats."""

    threads: Annotated[int, Field(ge=1, le=1024)]


class Tracking(Section):
    """Where runs are recorded; see `echo_rnn.tracking`."""

    enabled: bool
    uri: Annotated[str, Field(min_length=1)] | None
    experiment: Name


class Experiment(Section):
    """What a run is called and what it is for."""

    name: Name
    description: str


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

    @model_validator(mode="after")
    def _one_size_for_each_layer(self) -> "Config":
        if len(self.model.units) not in (1, self.model.layers):
            expected = f"one size, or one for each of the {self.model.layers} layers"
            raise conflict("model.units", expected, self.model.units)
        return self

    @model_validator(mode="after")
    def _series_fit_rows_and_windows(self) -> "Config":
        task, window = self.task, self.trainer.window
        for key, length in task.lengths.items():
            if length % task.rows:
                raise conflict("task.rows", f"a number of rows that divides task.{key} = {length}", task.rows)
            row = length // task.rows
            if window > row:
                expected = f"a window of at most {row} time steps, a row of task.{key} = {length} in {task.rows} rows"
                raise conflict("trainer.window", expected, window)
            if task.echo_step >= length:
                raise conflict("task.echo_step", f"fewer steps than task.{key} = {length}", task.echo_step)
        return self

    @property
    def run_name(self) -> str:
        """What the run is in a few characters, for example `lstm3x4-dynamic-T15-seed0`."""
        sizes = self.model.sizes
        stack = f"{len(sizes)}x{sizes[0]}" if len(set(sizes)) == 1 else "-".join(map(str, sizes))
        return f"{self.model.cell}{stack}-{self.unroll.name}-T{self.trainer.window}-seed{self.seed}"
