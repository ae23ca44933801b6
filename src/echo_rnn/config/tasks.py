"""The sections that describe what is learnt: the task, and the loss.

Which tasks and losses there are, and which options each has, is read from their tables.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from echo_rnn.config.fields import Alternatives, Count, NonNegative, Positive, Section, Size
from echo_rnn.core.losses import LOSSES, Loss
from echo_rnn.tasks import table
from echo_rnn.tasks.table import TASKS, TaskKind

if TYPE_CHECKING:
    from echo_rnn.tasks.task import Task

LENGTHS = ("series_length", "validation_length", "test_length")
# What a section takes for a type of an option in the tables.
_OF_TASKS: dict[Any, Any] = {table.Size: Size, table.Count: Count, float: Positive}
_OF_LOSSES: dict[Any, Any] = {float: NonNegative}


class TaskSection(Section):
    """A task; its own keys come on top, see `echo_rnn.tasks.table`."""

    name: str
    batch_size: Size
    warmup: Count

    @property
    def kind(self) -> TaskKind:
        """The entry of the table."""
        return TASKS[self.name]

    @property
    def options(self) -> dict[str, Any]:
        """The values of its own keys."""
        return self.model_dump(include=set(self.kind.options))

    @property
    def task(self) -> "Task":
        """The task as a value; this imports NumPy."""
        return self.kind.make(self.batch_size, **self.options)

    @property
    def lengths(self) -> dict[str, int]:
        """The keys that say how long series are."""
        return {key: value for key in LENGTHS if (value := getattr(self, key, None)) is not None}

    @property
    def row_steps(self) -> int:
        """Steps of a row of the training series."""
        return self.lengths["series_length"] // self.batch_size

    @property
    def decisive(self) -> dict[str, Any]:
        """The keys that decide the shape of a training step, and how many there are."""
        return {"batch_size": self.batch_size, "series_length": self.lengths["series_length"]}


class LossSection(Section):
    """A loss; its options come on top, see `echo_rnn.core.losses`."""

    name: str

    @property
    def loss(self) -> Loss:
        """The loss as a value."""
        return LOSSES[self.name](**self.model_dump(exclude={"name"}))


def _tasks() -> Mapping[str, Mapping[str, Any]]:
    lengths = dict.fromkeys(LENGTHS, Size)
    own = {name: {key: _OF_TASKS[hint] for key, hint in kind.options.items()} for name, kind in TASKS.items()}
    return {name: {**keys, **lengths} for name, keys in own.items()}


def _losses() -> Mapping[str, Mapping[str, Any]]:
    hints = {name: (get_type_hints(kind), fields(kind)) for name, kind in LOSSES.items()}
    return {name: {field.name: _OF_LOSSES[types[field.name]] for field in own} for name, (types, own) in hints.items()}


TASK = Annotated[TaskSection, Alternatives(TaskSection, "name", _tasks)]
LOSS = Annotated[LossSection, Alternatives(LossSection, "name", _losses)]
