"""The raw samples of a comparison with peers: one JSON file for each start of all contestants of a shape.

    benchmarks/peers/<shape key>/<fingerprint>-<number>.json     training steps, in the rounds of one start
    benchmarks/peers/<shape key>/<fingerprint>-process-<steps>-steps-of-<ours>.json      whole processes

Format 1. `entries` says of every contestant what it is and what became of it; `samples` holds every timed call as in
`echo_rnn.benchmark.measure.records`, the slot being the contestant's name. Nothing derived is stored.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from echo_rnn.benchmark.measure.records import Sample, files_of, keep, kept
from echo_rnn.benchmark.measure.shape import Shape

FORMAT = 1

Work = Literal["steps", "process"]
"""Training steps of contestants that wait in between, or whole processes from their start to their end."""


@dataclass(frozen=True)
class Entry:
    """What became of one contestant.

    Attributes:
        name: The contestant.
        is_ours: Whether it is a strategy of this package.
        threads: How many it could use.
        version: Its library; empty where it never started.
        first_seconds: From its start until it had told its first losses: imports, building, compiling, a unit of steps.
        largest_error: The largest difference of its first losses from those of our first strategy, relative to these.
        trouble: Why it was not timed, or not to the end; empty where it was.
    """

    name: str
    is_ours: bool
    threads: int
    version: str = ""
    first_seconds: float | None = None
    largest_error: float | None = None
    trouble: str = ""


@dataclass(frozen=True)
class PeersRecord:
    """One start of all contestants.

    Attributes:
        work: What was timed.
        shape: The shape; `compile` is that of ours.
        fingerprint: Digest of machine, libraries and code, the peers' included.
        environment: Facts of machine, libraries, code and process.
        load: Load average over one minute, before and after.
        entries: In the order of starting.
        samples: In the order of measuring.
    """

    work: Work
    shape: Shape
    fingerprint: str
    environment: dict[str, str]
    load: tuple[float, float]
    entries: list[Entry]
    samples: list[Sample]

    @property
    def trained(self) -> str:
        """What whole processes trained: their steps, and our strategy; empty for contestants that wait in between."""
        if self.work == "steps":
            return ""
        ours = next(entry.name for entry in self.entries if entry.is_ours)
        return f"{self.samples[0].steps} steps of {ours}"

    def write(self, path: Path) -> None:
        """Keeps the record, atomically, with a digest of itself."""
        keep(path, {"format": FORMAT, **asdict(self)})


def read(path: Path) -> PeersRecord:
    """Reads what `write` wrote.

    Raises:
        UserError: The file is cut short, edited, or of another version.
    """
    content = kept(path, FORMAT)
    return PeersRecord(
        work=content["work"],
        shape=Shape(**content["shape"]),
        fingerprint=content["fingerprint"],
        environment=content["environment"],
        load=(content["load"][0], content["load"][1]),
        entries=[Entry(**values) for values in content["entries"]],
        samples=[Sample(**values) for values in content["samples"]],
    )


def records_of(folder: Path) -> Iterator[PeersRecord]:
    """All records below `folder`, in the order of their names."""
    yield from map(read, files_of(folder))
