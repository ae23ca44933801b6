"""The commands whose points are tried, and what comes before each; all are as small as they can be."""

import pickle
import shutil
from dataclasses import dataclass

from tests.faults.law import not_on_disk, outcome
from tests.faults.processes import run
from tests.faults.states import State, States

_SMALL = {
    "model": {"layers": 1, "units": 2},
    "trainer": {"window": 5},
    "task": {"series_length": 100, "batch_size": 5, "validation_length": 50, "test_length": 50},
    "benchmark": {"minimum_milliseconds": 1},
}
TINY = ("experiment=debug", *(f"{of}.{name}={value}" for of, each in _SMALL.items() for name, value in each.items()))
PARAMS = f"groups: {{experiment: debug}}\nvalues: {_SMALL}\n"
_STAGES = {name: (f"pipelines.{name}",) for name in ("compose", "generate", "evaluate", "report")}
_STAGES |= {name: (f"pipelines.{name}", "--stage") for name in ("train", "benchmark")}
_JOB = ("pipelines.train", *TINY, "hydra.run.dir=job")
_SAVING = (*_JOB, "trainer.checkpoint.seconds=0")
_HALF = 0.45
"""At this share of its points a job with many checkpoints is in the middle of its training."""
UI_PORT = "5917"


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        words: What is typed after `python -m`.
        after: The command before it; empty for none.
        is_half: Whether that one was killed in the middle.
        until: What it prints when it has started, and is interrupted; empty for a command that ends by itself.
        trains: Whether it trains.
    """

    words: tuple
    after: str = ""
    is_half: bool = False
    until: str = ""
    trains: bool = False


COMMANDS = {
    "job": Command(_JOB, trains=True),
    "resume": Command(_SAVING, "saving", is_half=True, trains=True),
    "compose": Command(_STAGES["compose"]),
    "generate": Command(_STAGES["generate"], "compose"),
    "train": Command(_STAGES["train"], "generate", trains=True),
    "evaluate": Command(_STAGES["evaluate"], "train"),
    "benchmark": Command(_STAGES["benchmark"], "compose"),
    "report": Command(_STAGES["report"], "benchmark"),
    "deliver": Command(("pipelines.deliver",), "saving", is_half=True),
    "ui": Command(("pipelines.ui", UI_PORT), until="Ctrl-C ends the pages"),
    "sweep": Command(("pipelines.train", "-m", *TINY, "seed=0,1", "hydra.sweep.dir=sweep"), trains=True),
}
_OTHERS = {"saving": Command(_SAVING, trains=True)}


@dataclass(frozen=True)
class Prepared:
    """A command that ran without a fault.

    Attributes:
        before: The state that it begins in.
        after: The one that it ends in.
        states: Those before each of its changes.
        points: These changes.
        outcome: What it leaves.
        seconds: What it takes.
    """

    before: State
    after: State
    states: list
    points: list
    outcome: object
    seconds: float


def prepared(name, scratch):
    """Runs a command, and those before it, unless that was done in the folder `scratch` before."""
    folder, command = scratch / name, (COMMANDS | _OTHERS)[name]
    note = folder / "prepared"
    if note.exists():
        return pickle.loads(note.read_bytes())
    shutil.rmtree(folder, ignore_errors=True)
    if command.after:
        first = prepared(command.after, scratch)
        begins = first.states[int(_HALF * len(first.states))] if command.is_half else first.after
        before = begins.copied(folder / "before")
    else:
        before = State(folder / "before", folder / "before")
        before.folder.mkdir(parents=True)
        (before.folder / "params.yaml").write_text(PARAMS)
    after = before.copied(folder / "after")
    states = States(after.folder, folder / "states")
    ended = run(after.folder, command.words, until=command.until, states=states)
    assert not ended.code, ended.said
    assert not (found := not_on_disk(ended.points)), found
    assert len(states.all) == len(ended.points)
    found = Prepared(before, after, states.all, ended.points, outcome(after.folder), ended.seconds)
    note.write_bytes(pickle.dumps(found))
    return found
