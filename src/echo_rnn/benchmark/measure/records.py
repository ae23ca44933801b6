"""The raw samples of a measurement: one JSON file for each start of contestants, written whole or not at all.

    benchmarks/<sweep>/<shape key>/<fingerprint>-<number>.json          contestants of one shape, interleaved
    benchmarks/<sweep>/<shape key>/<fingerprint>-memory-<slot>.json     one strategy alone, for its peak memory
    benchmarks/peers/<shape key>/<fingerprint>-process-<trained>.json   whole processes, from their start to their end

`samples` holds every timed call: its round, its place in the round, the slot (a contestant's name; the reference has a
second slot for the A/A control, see `again`), `train` or `forward`, how many steps it ran, the seconds it took, and
when it began on the measuring process's clock. Nothing derived is stored.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.manifest import Manifest

FORMAT = 2
REFERENCE = "dynamic"
"""The strategy that our others are compared with."""
NOT_A_NUMBER = 1e9
"""Stands for an error that is infinite or NaN, which JSON cannot hold."""

Array = np.ndarray[Any, Any]
Work = Literal["steps", "process"]
"""Steps of contestants that wait between their calls, or whole processes."""

_MANIFEST = Manifest("benchmark record", FORMAT, "delete it, and the shape is measured again")


def relative_error(array: Array, reference: Array, floor: float = 0.0) -> float:
    """The largest difference relative to the largest value of the reference, or to `floor` where that is larger."""
    if array.shape != reference.shape:
        return NOT_A_NUMBER
    scale = max(floor, float(np.abs(reference).max(initial=0.0)))
    difference = float(np.abs(array.astype(np.float64) - reference).max(initial=0.0))
    error = difference / scale if scale else difference
    return error if np.isfinite(error) else NOT_A_NUMBER


def again(reference: str) -> str:
    """The second slot of a reference, for the A/A control."""
    return f"{reference} again"


CONTROL = again(REFERENCE)
TRAINING = ("train",)
KINDS = (*TRAINING, "forward")
"""What can be timed of a strategy; a training step always is."""


@dataclass(frozen=True)
class Sample:
    """One timed call.

    Attributes:
        round: From 0; all slots of a round are measured right after each other.
        order: The place in the round, from 0; drawn at random.
        slot: A contestant's name, or that of the A/A control.
        kind: `train` (forward, backward, update) or `forward`.
        steps: Steps (windows) that the call ran.
        seconds: What it took until its outputs were there.
        start: When it began, in seconds of the measuring process's clock.
    """

    round: int
    order: int
    slot: str
    kind: str
    steps: int
    seconds: float
    start: float


@dataclass(frozen=True)
class Prepared:
    """What one slot is, what it cost before its first timed call, and whether it computes what the reference computes.

    Attributes:
        is_ours: Whether it is a strategy of this package.
        threads: How many it may use.
        version: Its library; empty where it never started.
        equal: Whether its results were compared with the reference's and differ by rounding only; else it is not timed.
        largest_error: The largest relative difference from the reference: of losses, and for our strategies of states,
            weights, gradients and sums of squared gradients too; `None` where nothing could be compared.
        trouble: Why it was not timed, or not to the end; empty where it was.
        start_seconds: From the start of its process until its first losses; `None` where it shares one.
        first_call_seconds: Trace, compile and one step; this and what follows is measured for our strategies only.
        trace_seconds: Python to graph.
        compile_seconds: Graph to an executable; the call that does it runs no step, except with shards.
        graph_nodes: Operations in the graph of the training loop, functions counted once.
        graph_bytes: The graph as a protocol buffer.
        warmup_calls: Calls until their time no longer fell.
        loaded: Whether its compiled program was loaded in place of compiled, as in a later process of a training; the
            times before the first timed call are those of such a process then.
        alone: Whether no other process got ready meanwhile, which lengthens these times.
    """

    is_ours: bool = True
    threads: int = 1
    version: str = ""
    equal: bool = False
    largest_error: float | None = None
    trouble: str = ""
    start_seconds: float | None = None
    first_call_seconds: float | None = None
    trace_seconds: float | None = None
    compile_seconds: float | None = None
    graph_nodes: int | None = None
    graph_bytes: int | None = None
    warmup_calls: int = 0
    loaded: bool = False
    alone: bool = True

    def compared(self, error: float, tolerance: float, what: str) -> "Prepared":
        """The same with the largest relative difference of its results, `what`, from the reference's."""
        trouble = "" if error <= tolerance else f"its {what} differ from the reference's by {error:.1g} of themselves"
        if error == NOT_A_NUMBER:
            trouble = f"its {what} are missing or no numbers"
        return replace(self, largest_error=error, equal=not trouble, trouble=trouble)


@dataclass(frozen=True)
class Record:
    """What one measurement gave.

    Attributes:
        shape: The shape; our contestants may be compiled in other ways, which their names then tell.
        fingerprint: Digest of machine, libraries and code; records are compared only where it is the same.
        environment: Facts of machine, libraries, code and process.
        load: Load average over one minute, before and after.
        peak_gflops: This machine's own matrix product, measured in the same process; `None` where it was not.
        prepared: By slot, in the order of starting. A slot that is not equal has no samples.
        samples: In the order of measuring.
        memory_bytes: By slot: by how much training steps raised the peak resident set of a process of its own.
        reference: The slot that the others were checked against; `again` of it is the A/A control.
        work: What was timed.
    """

    shape: Shape
    fingerprint: str
    environment: dict[str, str]
    load: tuple[float, float]
    peak_gflops: float | None
    prepared: dict[str, Prepared]
    samples: list[Sample]
    memory_bytes: dict[str, int] = field(default_factory=dict)
    reference: str = REFERENCE
    work: Work = "steps"

    @property
    def trained(self) -> str:
        """What whole processes trained: their steps, and our strategy; empty where steps were timed."""
        return f"{self.samples[0].steps} steps of {self.reference}" if self.work == "process" else ""

    def write(self, path: Path) -> None:
        """Writes the record, atomically, with a digest of itself."""
        _MANIFEST.write(path, asdict(self))


def read(path: Path) -> Record:
    """Reads what `write` wrote.

    Raises:
        UserError: The file is missing, cut short, edited, or of another version.
    """
    content = _MANIFEST.read(path)
    with _MANIFEST.taking(path):
        return TypeAdapter(Record).validate_python(content)


def records_of(folder: Path) -> Iterator[Record]:
    """All records below `folder`, in the order of their names."""
    return map(read, files_of(folder))


def files_of(folder: Path) -> list[Path]:
    """The files of all records below `folder`, in the order of their names."""
    # What is being written lies in a hidden folder.
    found = sorted(folder.rglob("*.json"))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
