"""Which measurements a sweep needs, and which of them have been made: what is finished is not measured again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.benchmark.measure.records import read
from echo_rnn.benchmark.measure.shape import Shape


@dataclass(frozen=True)
class Task:
    """One measurement.

    Attributes:
        shape: What is measured.
        slots: The contestants.
        number: Which of the measurements of its shape, from 0; its seed.
        extra: Whether it is made only where those before it do not agree.
        memory: Whether the peak memory of the only contestant is measured in place of time.
        path: Where its record is written.
    """

    shape: Shape
    slots: tuple[str, ...]
    number: int
    extra: bool
    memory: bool
    path: Path

    @property
    def is_finished(self) -> bool:
        """Whether its record is there and holds every slot.

        Raises:
            UserError: The record is damaged or of another version.
        """
        if not self.path.is_file():
            return False
        record = read(self.path)
        return set(self.slots) <= set(record.memory_bytes if self.memory else record.prepared)


def plan(
    folder: Path,
    slots: Mapping[Shape, Sequence[str]],
    *,
    processes: int,
    more_processes: int = 0,
    memory: bool,
    fingerprint: str,
) -> list[Task]:
    """All measurements of a sweep, in the order in which they are made.

    The first one of every shape comes before the second of any, so that a sweep that is stopped covers all shapes, and
    a machine that changes over time does not change for some shapes only.

    Args:
        folder: Of the records.
        slots: The contestants at each shape.
        processes: Measurements of each shape.
        more_processes: Extra ones of each shape.
        memory: Whether peak memory is measured, too.
        fingerprint: Of the records.
    """
    tasks = [
        Task(shape, tuple(own), number, number >= processes, False, folder / shape.key / f"{fingerprint}-{number}.json")
        for number in range(processes + more_processes)
        for shape, own in slots.items()
    ]
    if memory:
        tasks += [
            Task(shape, (slot,), 0, False, True, folder / shape.key / f"{fingerprint}-memory-{slot}.json")
            for shape, own in slots.items()
            for slot in own
        ]
    return tasks
