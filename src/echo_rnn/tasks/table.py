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
ClassCount = NewType("ClassCount", int)
"""The type of an option that is a number of classes which fit into a byte."""
Texts = NewType("Texts", list[str])
"""The type of an option that is a text, or a list of some."""
Share = NewType("Share", float)
"""The type of an option that is a share below 1, or a pattern of file names."""


Targets = Literal["classes", "real"]


@dataclass(frozen=True)
class TaskKind:
    """A kind of task.

    Attributes:
        name: Its name.
        summary: What it is, in a line.
        implementation: `module:attribute` of the class, whose fields are the options and `rows`.
        options: The type of each option: one of this module, `float` for a positive number, `str`, or a `Literal`;
            or one of these or `None`.
        targets: From the options to `classes` or `real`.
        own_inputs: Whether each target may be an input, too, so that a residual head can add it.
        seeded: Whether it is made from a seed, in lengths that are configured; otherwise it comes from files.
        span_key: The option by which steps belong together; empty where none does.
        span: From the options to the steps that belong together, of which a row has more.
    """

    name: str
    summary: str
    implementation: str
    options: Mapping[str, Any]
    targets: Callable[[Mapping[str, Any]], Targets]
    own_inputs: bool = False
    seeded: bool = True
    span_key: str = ""
    span: Callable[[Mapping[str, Any]], int] = field(default=lambda options: 0)

    def make(self, rows: int | None, **options: Any) -> "Task":
        """The task with these options; this imports NumPy."""
        module, _, name = self.implementation.partition(":")
        task: Task = getattr(importlib.import_module(module), name)(**options, rows=rows)
        return task


def _classes(options: Mapping[str, Any]) -> Targets:
    return "classes"


def _real(options: Mapping[str, Any]) -> Targets:
    return "real"


TASKS: Mapping[str, TaskKind] = {
    kind.name: kind
    for kind in (
        TaskKind(
            "echo",
            "repeat each random bit some steps later",
            "echo_rnn.tasks.echo:Echo",
            {"echo_step": Count},
            _classes,
            span_key="echo_step",
            span=lambda options: options["echo_step"],
        ),
        TaskKind(
            "adding",
            "add two marked numbers far apart",
            "echo_rnn.tasks.adding:Adding",
            {"sequence_steps": Size},
            _real,
            span_key="sequence_steps",
            span=lambda options: options["sequence_steps"],
        ),
        TaskKind(
            "copy",
            "repeat symbols after a delay",
            "echo_rnn.tasks.copy:Copy",
            {"symbols": Size, "copied": Size, "delay": Size},
            _classes,
            span_key="delay",
            span=lambda options: options["delay"] + 2 * options["copied"] + 1,
        ),
        TaskKind(
            "parity",
            "whether an odd number of the last bits were 1",
            "echo_rnn.tasks.parity:Parity",
            {"parity_steps": Size},
            _classes,
            span_key="parity_steps",
            span=lambda options: options["parity_steps"],
        ),
        TaskKind(
            "clipper",
            "what a diode clipper makes of plucked strings",
            "echo_rnn.tasks.clipper:Clipper",
            {"drive": float},
            _real,
            own_inputs=True,
        ),
        TaskKind(
            "series",
            "your own files",
            "echo_rnn.tasks.series:Series",
            {
                "input_files": Texts,
                "target_files": Texts | None,
                "input_columns": Texts | None,
                "target_columns": Texts | None,
                "time_column": str | None,
                "classes": ClassCount | None,
                "horizon": Count,
                "validation": Share,
                "test": Share,
                "scaling": Literal["none", "standard", "peak"],
                "missing": Literal["refuse", "mask"],
            },
            lambda options: "real" if options["classes"] is None else "classes",
            own_inputs=True,
            seeded=False,
        ),
    )
}
"""Every task by its name."""
