"""Which processes a sweep needs, and which of them have been run: what is finished is not measured again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.benchmark.measure.records import REFERENCE, read
from echo_rnn.benchmark.measure.shape import Shape


@dataclass(frozen=True)
class Task:
    """One process to run.

    Attributes:
        shape: What it measures.
        labels: The strategies, the reference among them.
        number: Which of the processes of its shape, from 0; its seed.
        memory: Whether it measures the peak memory of its only strategy in place of time.
        path: Where its record goes.
    """

    shape: Shape
    labels: tuple[str, ...]
    number: int
    memory: bool
    path: Path

    @property
    def is_finished(self) -> bool:
        """Whether its record is there and holds every strategy that it asks for.

        Raises:
            UserError: The record is damaged or of another version.
        """
        if not self.path.is_file():
            return False
        record = read(self.path)
        return set(self.labels) <= set(record.memory_bytes if self.memory else record.prepared)


def plan(
    folder: Path, shapes: Sequence[Shape], labels: Sequence[str], *, processes: int, memory: bool, fingerprint: str
) -> list[Task]:
    """All processes of a sweep, in the order in which they are run.

    The first process of every shape comes before the second of any, so that a sweep that is stopped has looked at all
    shapes, and a machine that changes over time does not change for some shapes only.
    """
    timed = tuple(dict.fromkeys((REFERENCE, *labels)))
    tasks = [
        Task(shape, timed, number, False, folder / shape.key / f"{fingerprint}-{number}.json")
        for number in range(processes)
        for shape in shapes
    ]
    if memory:
        tasks += [
            Task(shape, (label,), 0, True, folder / shape.key / f"{fingerprint}-memory-{label}.json")
            for shape in shapes
            for label in timed
        ]
    return tasks
