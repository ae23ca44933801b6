"""The sections that describe what is learnt: the task, and the loss.

Which tasks and losses there are, and which options each has, is read from their tables.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

from pydantic import BeforeValidator, Field

from echo_rnn.config.fields import (
    Alternatives,
    Count,
    Fraction,
    NonNegative,
    Positive,
    Section,
    Size,
    Text,
    listed,
)
from echo_rnn.core.losses import LOSSES, Loss
from echo_rnn.tasks import table
from echo_rnn.tasks.table import TASKS, TaskKind

LENGTHS = ("series_length", "validation_length", "test_length")


def _as_texts(value: Any) -> Any:
    """Texts of a list or of a single value; columns that are numbered are written as numbers."""
    return [str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in listed(value)]


_Texts = Annotated[list[Text], BeforeValidator(_as_texts), Field(min_length=1)]
_ClassCount = Annotated[int, Field(ge=2, le=255)]
# What a section takes for a type of an option in the tables.
_OF_TASKS: dict[Any, Any] = {
    table.Size: Size,
    table.Count: Count,
    table.ClassCount | None: _ClassCount | None,
    table.Texts: _Texts,
    table.Texts | None: _Texts | None,
    table.Share: Fraction | Text,
    str | None: Text | None,
    float: Positive,
}
_OF_LOSSES: dict[Any, Any] = {float: NonNegative}


class TaskSection(Section):
    """A task; its own keys come on top, see `echo_rnn.tasks.table`."""

    name: str
    batch_size: Size | None
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
    def task(self) -> Any:
        """The task as a value: a `Task` from a seed, or a `Series` from files; this imports NumPy."""
        return self.kind.make(self.batch_size, **self.options)

    @property
    def lengths(self) -> dict[str, int]:
        """The keys that say how long series are; none where files do."""
        return self.model_dump(include=set(LENGTHS))

    @property
    def rows(self) -> int:
        """Rows of the training split."""
        return int(self.batch_size or self.task.training_files)

    @property
    def row_steps(self) -> int:
        """Steps of a row of the training series; where it comes from files, about so many."""
        steps = self.lengths.get("series_length")
        return int(self.task.training_steps if steps is None else steps) // self.rows

    @property
    def decisive(self) -> dict[str, Any]:
        """The keys that decide the shape of a training step, and how many there are."""
        own = {"batch_size", "series_length"} if self.kind.seeded else {*self.kind.options, "batch_size"}
        return {key: value for key, value in self.model_dump(include=own).items() if value is not None}


class LossSection(Section):
    """A loss; its options come on top, see `echo_rnn.core.losses`."""

    name: str

    @property
    def loss(self) -> Loss:
        """The loss as a value."""
        return LOSSES[self.name](**self.model_dump(exclude={"name"}))


def _tasks() -> Mapping[str, Mapping[str, Any]]:
    seeded = {"batch_size": Size, **dict.fromkeys(LENGTHS, Size)}
    own = {name: {key: _OF_TASKS.get(hint, hint) for key, hint in kind.options.items()} for name, kind in TASKS.items()}
    return {name: {**keys, **(seeded if TASKS[name].seeded else {})} for name, keys in own.items()}


def _losses() -> Mapping[str, Mapping[str, Any]]:
    hints = {name: (get_type_hints(kind), fields(kind)) for name, kind in LOSSES.items()}
    return {name: {field.name: _OF_LOSSES[types[field.name]] for field in own} for name, (types, own) in hints.items()}


TASK = Annotated[TaskSection, Alternatives(TaskSection, "name", _tasks)]
LOSS = Annotated[LossSection, Alternatives(LossSection, "name", _losses)]
