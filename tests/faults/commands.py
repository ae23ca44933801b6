"""The commands whose points are tried, and what comes before each; all are as small as they can be."""

from dataclasses import dataclass

from tests.faults.law import copied, not_on_disk, outcome
from tests.faults.points import KILLED
from tests.faults.processes import run

_TINY = (
    "experiment=debug",
    *("model.layers=1", "model.units=2", "trainer.window=5"),
    *("task.series_length=100", "task.batch_size=5", "task.validation_length=50", "task.test_length=50"),
)
PARAMS = """\
groups: {experiment: debug}
values:
  model: {layers: 1, units: 2}
  trainer: {window: 5}
  task: {series_length: 100, batch_size: 5, validation_length: 50, test_length: 50}
"""
_STAGES = {name: (f"pipelines.{name}",) for name in ("compose", "generate", "evaluate", "report")}
_STAGES |= {name: (f"pipelines.{name}", "--stage") for name in ("train", "benchmark")}
_JOB = ("pipelines.train", *_TINY, "hydra.run.dir=job")
_SAVING = (*_JOB, "trainer.checkpoint.seconds=0")
_HALF = 0.45
"""At this share of its points a job with many checkpoints is in the middle of its training."""


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        words: What is typed after `python -m`.
        before: The commands before it; one that is killed is half done.
        half: The last of them, killed in the middle.
        until: What it prints when it has started, and is interrupted; empty for a command that ends by itself.
    """

    words: tuple
    before: tuple = ()
    half: tuple = ()
    until: str = ""


COMMANDS = {
    "job": Command(_JOB),
    "resume": Command(_SAVING, half=_SAVING),
    "compose": Command(_STAGES["compose"]),
    "generate": Command(_STAGES["generate"], (_STAGES["compose"],)),
    "train": Command(_STAGES["train"], (_STAGES["compose"], _STAGES["generate"])),
    "evaluate": Command(_STAGES["evaluate"], (_STAGES["compose"], _STAGES["generate"], _STAGES["train"])),
    "benchmark": Command(_STAGES["benchmark"], (_STAGES["compose"],)),
    "report": Command(_STAGES["report"], (_STAGES["compose"], _STAGES["benchmark"])),
    "deliver": Command(("pipelines.deliver",), half=_SAVING),
    "ui": Command(("pipelines.ui", "5917"), until="Ctrl-C ends the pages"),
    "sweep": Command(("pipelines.train", "-m", *_TINY, "seed=0,1", "hydra.sweep.dir=sweep")),
}


def prepared(name, folder):
    """The folder that a command begins in, its outcome without a fault, the number of its points, and its seconds."""
    before, command = folder / "before", COMMANDS[name]
    before.mkdir(parents=True)
    (before / "params.yaml").write_text(PARAMS)
    for words in command.before:
        ended = run(before, words)
        assert not ended.code, ended.said
    if command.half:
        copied(before, folder / "counted")
        points = len(run(folder / "counted", command.half).points)
        assert run(before, command.half, at=int(_HALF * points), fault=KILLED).was_killed
    whole = folder / "whole"
    copied(before, whole)
    ended = run(whole, command.words, until=command.until)
    assert not ended.code, ended.said
    assert not (found := not_on_disk(ended.points)), found
    return before, outcome(whole), len(ended.points), ended.seconds
