"""The typed schema of `conf/`: what every key is, its range, and what must hold between keys.

A rule between keys names every key that could give way, so that its message can name the one that a person has just
changed, and its file.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from echo_rnn.config.benchmarks import Benchmark, Sweep
from echo_rnn.config.fields import Name, NonNegative, Section, Size, Text, text
from echo_rnn.config.network import Model, Unroll
from echo_rnn.config.optimizers import Clipping, Optimizer, Schedule
from echo_rnn.config.search import Search
from echo_rnn.config.tasks import LOSS, TASK
from echo_rnn.core.cell_table import CELLS
from echo_rnn.core.compilation import Compile
from echo_rnn.core.losses import LOSSES
from echo_rnn.core.strategies import refusal
from echo_rnn.redact import redact

_KEYS = {"cell": "model.cell", "precision": "model.precision", "compile": "trainer.compile"}

Side = tuple[str, str, Any]
"""A key that could give way, what is expected of it, and what was got."""


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
    overfit: Annotated[int, Field(ge=1)] | None
    profile: Annotated[int, Field(ge=1)] | None
    checkpoint: Checkpoint


# XLA reads the name as a word of its flags.
_CACHE_WORDS = "user, or an absolute path without white space and quotes"
_CACHE = re.compile(r"user|(?:/|~/)[^\s'\"]*")


class Runtime(Section):
    """What is pinned so that a run repeats, and where compiled programs are kept; see `echo_rnn.compiled_programs`."""

    threads: Annotated[int, Field(ge=1, le=1024)]
    compile_cache: Annotated[str, text(lambda: _CACHE_WORDS, _CACHE.fullmatch)] | None


# The configuration is committed, logged and shown.
_WITHOUT_PASSWORD = "an address without user and password (set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)"
_Address = Annotated[
    str, Field(min_length=1), text(lambda: _WITHOUT_PASSWORD, lambda address: redact(address) == address)
]


class Tracking(Section):
    """Where runs are recorded; see `echo_rnn.tracking`."""

    enabled: bool
    uri: _Address | None
    experiment: Name


ExportName = Literal["keras", "litert", "rtneural", "aidax", "nam"]
"""The formats of other programs; what each is and can hold: `echo_rnn.inference.exports`."""


class Experiment(Section):
    """What a run is called and what it is for."""

    name: Name
    description: Text


class Config(Section):
    """The whole configuration."""

    task: TASK
    loss: LOSS
    model: Model
    unroll: Unroll
    optimizer: Optimizer
    schedule: Schedule
    clipping: Clipping
    trainer: Trainer
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    runtime: Runtime
    tracking: Tracking
    export: list[ExportName]
    experiment: Experiment
    sweep: Sweep
    benchmark: Benchmark
    search: Search

    @model_validator(mode="after")
    def _keys_agree(self) -> "Config":
        for sides in self._conflicts():
            raise PydanticCustomError("conflict", "keys that exclude each other", {"sides": sides})
        return self

    def _conflicts(self) -> Iterator[list[Side]]:
        """The sides of what does not hold between keys; of those that a person set last, the first will be named."""
        units, layers = self.model.units, self.model.layers
        if len(units) not in (1, layers):
            yield [
                ("model.units", f"one size, or one for each of model.layers = {layers}", units),
                ("model.layers", f"{len(units)}, one for each size of model.units", layers),
            ]
        for key, length in self.task.lengths.items():
            yield from self._conflicts_with_length(f"task.{key}", length)
        yield from self._conflicts_with_loss()

        compiled, shards = self.trainer.compile, self.trainer.shards
        if shards > 1 and compiled != "xla":
            yield [
                ("trainer.shards", f"1 for trainer.compile = {compiled} (shards are programs of XLA)", shards),
                ("trainer.compile", f"xla for trainer.shards = {shards}", compiled),
            ]
        for grid in self.sweep.grids:
            other = [each for each in grid.compile if each != "xla"]
            if max(grid.shards) > 1 and other:
                yield [("sweep.grids", f"shards: 1 in a grid with compile: {other[0]}", grid.shards)]

        model, unrolling, expected = self.model, self.unroll.unrolling, None
        if unrolling is not None:
            expected = refusal(unrolling, [model.cell], model.precision, compiled, names=_KEYS)
        elif not CELLS[model.cell].known or len(set(model.sizes)) > 1:
            expected = "any strategy but auto, which compares them at layers of one size and a cell of known arithmetic"
        if expected is not None:
            yield [("unroll.name", expected, self.unroll.name)]

    def _conflicts_with_length(self, key: str, length: int) -> Iterator[list[Side]]:
        """What does not hold between the length of a series, which `key` sets, and other keys."""
        kind, warmup, window = self.task.kind, self.task.warmup, self.trainer.window
        rows, series = self.task.rows, f"{key} = {length}"
        span, span_key = kind.span(self.task.options), kind.span_key
        if span_key and span >= length:
            yield [
                (f"task.{span_key}", f"fewer steps than {series}", span),
                (key, f"more time steps than task.{span_key} = {span}", length),
            ]
        if warmup >= length // rows:
            yield [
                ("task.warmup", f"fewer steps than a row of {series} in task.batch_size = {rows}", warmup),
                (key, f"more time steps, so that a row has more than task.warmup = {warmup}", length),
            ]
        if length % rows:
            yield [
                ("task.batch_size", f"a number of rows that divides {series}", rows),
                (key, f"a multiple of task.batch_size = {rows}", length),
            ]
        if window > length // rows:
            in_rows, of_window = f"task.batch_size = {rows}", f"a window of trainer.window = {window}"
            yield [
                ("trainer.window", f"at most {length // rows} time steps, a row of {series} in {in_rows}", window),
                (key, f"at least {rows * window} time steps, {of_window} in each of {in_rows}", length),
                ("task.batch_size", f"rows of {series} that hold {of_window}", rows),
            ]

    def _conflicts_with_loss(self) -> Iterator[list[Side]]:
        """What does not hold between the targets, the loss and the head."""
        loss, task, targets = self.loss.loss, self.task.kind, self.task.kind.targets(self.task.options)
        if loss.kind != targets:
            fitting = [name for name, kind in LOSSES.items() if kind.kind == targets]
            words = {"classes": "classes", "real": "real targets"}
            yield [
                (
                    "loss.name",
                    f"{' or '.join(fitting)} for the {words[targets]} of task.name = {task.name}",
                    loss.name,
                ),
                ("task.name", f"a task with {words[loss.kind]} for loss.name = {loss.name}", task.name),
            ]
        if self.model.residual and not task.own_inputs:
            yield [
                ("model.residual", f"false, since no input is the target itself in task.name = {task.name}", True),
                ("task.name", "a task of which the inputs hold the targets for model.residual = true", task.name),
            ]

        emphasis = getattr(self.loss, "pre_emphasis", 0.0)
        if emphasis and self.task.options.get("missing") == "mask":
            yield [
                ("loss.pre_emphasis", "0 for task.missing = mask (its filter needs every target)", emphasis),
                ("task.missing", f"refuse for loss.pre_emphasis = {emphasis}", "mask"),
            ]

    @property
    def run_name(self) -> str:
        """What the run is in a few characters, for example `dynamic-xla-lstm3x4-T15-seed0`.

        What is compared most often stands first: MLflow's pages cut names at their end.
        """
        sizes = self.model.sizes
        stack = f"{len(sizes)}x{sizes[0]}" if len(set(sizes)) == 1 else "-".join(map(str, sizes))
        how = f"{self.unroll.label}-{self.trainer.compile}"
        return f"{how}-{self.model.cell}{stack}-T{self.trainer.window}-seed{self.seed}"
