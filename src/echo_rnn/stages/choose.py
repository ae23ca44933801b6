"""Which strategy to use for the configured shape on this machine: from what has been measured, or by measuring it."""

import shlex
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tqdm import tqdm

from echo_rnn.benchmark.measure.contestants import strategies
from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.benchmark.measure.memory import require_memory
from echo_rnn.benchmark.measure.records import TRAINING, Record, read
from echo_rnn.benchmark.measure.session import measure
from echo_rnn.benchmark.measure.shape import Shape, refusal, stored_bytes, written_out
from echo_rnn.benchmark.measure.timing import Rounds
from echo_rnn.benchmark.report.answer import recommend
from echo_rnn.benchmark.report.results import ShapeResult
from echo_rnn.benchmark.report.statistics import results
from echo_rnn.benchmark.report.words import why
from echo_rnn.config import Config
from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.stages.alone import measuring
from echo_rnn.stages.layout import project_root
from echo_rnn.stages.shapes import shape_of

PROGRAM, MORE = "pipelines.recommend", "--more"
"""The entry point that answers a person, and its option that measures in one more process."""
_MOST_WRITTEN_OUT = 100  # written out, more than these compile for longer than most trainings take
_ROUNDS, _MINIMUM_SECONDS, _BUDGET_SECONDS = 12, 0.01, 20.0  # fewer than 6 rounds show nothing

# No estimate of what is left: compiling takes seconds or none, and rounds end early where time is up.
_BAR = "{desc}: {bar:20} {elapsed} {postfix}"


@dataclass(frozen=True)
class Choice:
    """A strategy for a shape.

    Attributes:
        label: The strategy.
        why: In a sentence or two.
        result: What was measured.
        seconds: What choosing took; near 0 where it had been measured before.
        reused: When the oldest of the measurements that were found began, in ISO 8601; empty where there were none.
    """

    label: str
    why: str
    result: ShapeResult
    seconds: float
    reused: str


def candidates(shape: Shape) -> tuple[str, ...]:
    """What is worth measuring at a shape."""
    able = [label for label in labels() if get_strategy(label).strategy.auto and refusal(shape, label) is None]
    every = shape.window * shape.layers
    return tuple(label for label in able if every <= _MOST_WRITTEN_OUT or written_out(shape, label) < every)


def choose(config: Config, *, more: bool = False) -> Choice:
    """Chooses for a training; what was measured once on this machine is not measured again.

    Another process measures where a strategy that is not shown to be safe is expected to save more time than that
    takes: a short training is not kept waiting, and one of hours is not left with what one process shows.

    Args:
        config: Of the training.
        more: Measures in one more process, whatever has been measured.

    Raises:
        UserError: Strategies cannot be measured at its shape.
    """
    start = time.perf_counter()
    shape, trainer = shape_of(config), config.trainer
    labels = candidates(shape)
    before = _records(shape, labels)
    steps = trainer.epochs * (config.task.row_steps // trainer.window)
    found = before
    while True:
        if found and not more:
            (result,) = results(found, stored_bytes)
            choice = recommend(result, steps)
            if choice.may_save <= _BUDGET_SECONDS:
                break
        require_memory(shape, labels)
        found, more = _measured(shape, labels, found, config.runtime.compile_cache), False
    began = min((float(record.environment["process.start"]) for record in before), default=None)
    return Choice(
        label=choice.chosen.label,
        why=why(choice, result.reference, _more(config, shape)),
        result=result,
        seconds=time.perf_counter() - start,
        reused="" if began is None else datetime.fromtimestamp(began).astimezone().isoformat(timespec="minutes"),
    )


def _more(config: Config, shape: Shape) -> str:
    """The command that measures in one more process, for the same training."""
    values = {
        "task": config.task.name,
        "model": shape.cell,
        "model.layers": shape.layers,
        "model.units": shape.units,
        "model.precision": shape.precision,
        **{f"task.{name}": value for name, value in config.task.decisive.items()},
        "trainer.window": shape.window,
        "trainer.epochs": config.trainer.epochs,
        "trainer.compile": shape.compile,
        "trainer.shards": shape.shards,
        "runtime.threads": shape.threads,
    }
    return " ".join([f"python -m {PROGRAM} {MORE}", *(shlex.quote(f"{key}={value}") for key, value in values.items())])


def _records(shape: Shape, labels: tuple[str, ...]) -> list[Record]:
    """The records of any sweep that hold all of `labels` at the shape, made on this machine with this code."""
    paths = sorted(project_root().glob(f"benchmarks/*/{shape.key}/{fingerprint()}-[0-9]*.json"))
    return [record for record in map(read, paths) if set(labels) <= set(record.prepared)]


def _measured(shape: Shape, labels: tuple[str, ...], before: list[Record], cache: str | None) -> list[Record]:
    """Records of the shape with one more than `before`, which another process may have made meanwhile.

    The first calls of the first one are cold, since their time has a part in the choice.
    """
    folder = project_root() / "benchmarks"
    print(f"measuring {', '.join(labels)} at {shape.key}, when no other measurement is at work", file=sys.stderr)
    with measuring(folder, wait=True):
        if len(found := _records(shape, labels)) > len(before):
            return found
        contestant = strategies(
            shape, labels, seed=len(found), kinds=TRAINING, peak=False, cache=cache, load=bool(found)
        )
        own = fingerprint()
        with tqdm(total=len(labels) + _ROUNDS, desc="measuring", bar_format=_BAR, disable=None) as bar:

            def show(progress: dict[str, Any]) -> None:
                bar.update()
                bar.set_postfix_str(progress.get("slot") or f"round {progress['round']} of {progress['of']}")

            rounds = Rounds(_ROUNDS, _MINIMUM_SECONDS, _BUDGET_SECONDS)
            record = measure(shape, [contestant], rounds, own, report=show)
        record.write(folder / "chosen" / shape.key / f"{own}-{len(found)}.json")
        return [*found, record]
