"""The raw samples of a benchmark: one JSON file for each process that measured, written whole or not at all.

    benchmarks/<sweep>/<shape key>/<fingerprint>-<number>.json      strategies of one shape, interleaved
    benchmarks/<sweep>/<shape key>/<fingerprint>-memory-<label>.json    one strategy alone, for its peak memory

Format 1. `samples` holds every timed call: its round, its place in the round, the slot (a strategy's label; the
reference has a second slot, `CONTROL`, for the A/A control), `train` or `forward`, how many steps it ran, the seconds
it took, and when it began on the process's own clock. Nothing derived is stored.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.errors import UserError
from echo_rnn.files import write_json

FORMAT = 1
REFERENCE = "dynamic"
CONTROL = "dynamic again"
NOT_A_NUMBER = 1e9
"""Stands for an error that is infinite or NaN, which JSON cannot hold."""


@dataclass(frozen=True)
class Sample:
    """One timed call.

    Attributes:
        round: From 0; all slots of a round are measured right after each other.
        order: The place in the round, from 0; drawn at random.
        slot: A strategy's label, or `CONTROL`.
        kind: `train` (forward, backward, update) or `forward`.
        steps: Steps (windows) that the call ran.
        seconds: What it took until its outputs were there.
        start: When it began, in seconds of the process's clock.
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
    """What one slot cost before its first timed call, and whether it computes the right thing.

    Attributes:
        trace_seconds: Python to graph.
        compile_seconds: Graph to an executable; the call that does it runs no step, but one in lanes.
        first_call_seconds: Trace, compile and one step.
        graph_nodes: Operations in the graph of the training loop, functions counted once.
        graph_bytes: The graph as a protocol buffer.
        warmup_calls: Calls until their time no longer fell.
        largest_error: Against the reference, after a few training steps: the largest difference in losses, states,
            weights and sums of squared gradients, relative to the largest value of each.
        equal: Whether that is rounding.
    """

    trace_seconds: float
    compile_seconds: float
    first_call_seconds: float
    graph_nodes: int
    graph_bytes: int
    warmup_calls: int
    largest_error: float
    equal: bool


@dataclass(frozen=True)
class Record:
    """What one process measured.

    Attributes:
        shape: The shape.
        fingerprint: Digest of machine, libraries and code; records are compared only where it is the same.
        environment: Facts of machine, libraries, code and process.
        load: Load average over one minute, before and after.
        peak_gflops: This machine's own matrix product, measured in the same process; `None` where it was not.
        prepared: By slot. A slot that is not equal has no samples.
        samples: In the order of measuring.
        memory_bytes: By slot: by how much training steps raised the peak resident set of a process of its own.
    """

    shape: Shape
    fingerprint: str
    environment: dict[str, str]
    load: tuple[float, float]
    peak_gflops: float | None
    prepared: dict[str, Prepared]
    samples: list[Sample]
    memory_bytes: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Keeps the record, atomically, with a digest of itself."""
        keep(path, {"format": FORMAT, **asdict(self)})


def read(path: Path) -> Record:
    """Reads what `write` wrote.

    Raises:
        UserError: The file is cut short, edited, or of another version.
    """
    content = kept(path, FORMAT)
    return Record(
        shape=Shape(**content["shape"]),
        fingerprint=content["fingerprint"],
        environment=content["environment"],
        load=(content["load"][0], content["load"][1]),
        peak_gflops=content["peak_gflops"],
        prepared={slot: Prepared(**values) for slot, values in content["prepared"].items()},
        samples=[Sample(**values) for values in content["samples"]],
        memory_bytes=content["memory_bytes"],
    )


def keep(path: Path, content: dict[str, Any]) -> None:
    """Writes `content`, which names its `format`, as JSON with a digest of itself, atomically."""
    write_json(path, content | {"digest": _digest(content)})


def kept(path: Path, version: int) -> dict[str, Any]:
    """Reads what `keep` wrote.

    Args:
        path: The file.
        version: The format that is expected.

    Raises:
        UserError: The file is cut short, edited, or of another version.
    """
    mend = "delete it, and the shape is measured again"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected a benchmark record, got {str(error).splitlines()[0]}; {mend}") from error
    came = content.get("format") if isinstance(content, dict) else None
    if came != version:
        raise UserError(f"{path}: expected benchmark record format {version}, got {came!r}; {mend}")
    stated = content.pop("digest", None)
    if stated != _digest(content):
        raise UserError(f"{path}: expected content with the digest {stated}, got edited content; {mend}")
    return dict(content)


def records_of(folder: Path, fingerprint: str | None = None) -> Iterator[Record]:
    """All records below `folder`, in the order of their names; with `fingerprint` only those that carry it."""
    for path in files_of(folder):
        if path.name.startswith(f"{fingerprint}-" if fingerprint else ""):
            yield read(path)


def files_of(folder: Path) -> list[Path]:
    """The files of all records below `folder`, in the order of their names."""
    # A file being written has a dot in front, and stays where its writer was killed.
    return [path for path in sorted(folder.rglob("*.json")) if not path.name.startswith(".")]


def by_shape(records: Iterator[Record] | Sequence[Record]) -> dict[Shape, list[Record]]:
    """The records of each shape."""
    found: dict[Shape, list[Record]] = {}
    for record in records:
        found.setdefault(record.shape, []).append(record)
    return dict(sorted(found.items()))


def _digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
