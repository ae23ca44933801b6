"""The table of tasks: what each is called, where it is implemented, and its options.

It is read without NumPy, which a task's implementation imports when it is loaded.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NewType

if TYPE_CHECKING:
    from echo_rnn.tasks.task import Task

Size = NewType("Size", int)
"""The type of an option that is a whole number from 1."""
Count = NewType("Count", int)
"""The type of an option that is a whole number from 0."""


@dataclass(frozen=True)
class TaskKind:
    """A kind of task.

    Attributes:
        name: Its name.
        summary: What it is, in a line.
        implementation: `module:attribute` of the class, whose fields are the options and `rows`.
        options: The type of each option: `Size`, `Count` or `float` for a positive number.
        targets: `classes` or `real`.
        own_inputs: Whether each target is an input, too, so that a residual head can add it.
        span_key: The option by which steps belong together; empty where none does.
        span: From the options to the steps that belong together, of which a row has more.
    """

    name: str
    summary: str
    implementation: str
    options: Mapping[str, Any]
    targets: Literal["classes", "real"]
    own_inputs: bool = False
    span_key: str = ""
    span: Callable[[Mapping[str, Any]], int] = field(default=lambda options: 0)

    def make(self, rows: int, **options: Any) -> "Task":
        """The task with these options; this imports NumPy."""
        module, _, name = self.implementation.partition(":")
        task: Task = getattr(importlib.import_module(module), name)(**options, rows=rows)
        return task


TASKS: Mapping[str, TaskKind] = {
    kind.name: kind
    for kind in (
        TaskKind(
            "echo",
            "repeat each random bit some steps later",
            "echo_rnn.tasks.echo:Echo",
            {"echo_step": Count},
            "classes",
            span_key="echo_step",
            span=lambda options: options["echo_step"],
        ),
        TaskKind(
            "adding",
            "add two marked numbers far apart",
            "echo_rnn.tasks.adding:Adding",
            {"sequence_steps": Size},
            "real",
            span_key="sequence_steps",
            span=lambda options: options["sequence_steps"],
        ),
        TaskKind(
            "copy",
            "repeat symbols after a delay",
            "echo_rnn.tasks.copy:Copy",
            {"symbols": Size, "copied": Size, "delay": Size},
            "classes",
            span_key="delay",
            span=lambda options: options["delay"] + 2 * options["copied"] + 1,
        ),
        TaskKind(
            "parity",
            "whether an odd number of the last bits were 1",
            "echo_rnn.tasks.parity:Parity",
            {"parity_steps": Size},
            "classes",
            span_key="parity_steps",
            span=lambda options: options["parity_steps"],
        ),
        TaskKind(
            "clipper",
            "what a diode clipper makes of plucked strings",
            "echo_rnn.tasks.clipper:Clipper",
            {"drive": float},
            "real",
            own_inputs=True,
        ),
    )
}
"""Every task that is made from a seed, by its name."""
