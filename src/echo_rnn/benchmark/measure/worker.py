"""The side of a contestant's process in a measurement: it gets ready, runs steps when it is asked to, and answers.

Questions and answers are lines of JSON. A contestant is started with a file that describes its work as its last
argument. It may print lines of progress, `{"slot": "static", …}`; once it is ready it prints

    {"version": "jax 0.10.2", "unit": 1}

where `unit` is the number of training steps that it runs at once: a compiled epoch cannot be cut. Then it answers

    {"run": 3, "program": "train"}       {"losses": [0.693, …]}

once 3 more units are done, with the losses of the first steps among them, at most `MOST_LOSSES`. The first answer is
checked; after that only its time counts, and a contestant may give fewer. A run of 0 units is not timed: it is for what
would disturb those that are. A process that holds several programs adds to the first line what it found out about each,
by slot; see `echo_rnn.benchmark.measure.ours`. It ends when its input does.

NumPy only: contestants in other environments import this module too.
"""

import gc
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from echo_rnn.benchmark.measure import problem
from echo_rnn.child_process import lines_of_parent

MOST_LOSSES = 20
TRAIN = "train"
"""The program of a contestant that holds only one."""

Run = Callable[[int], Iterable[float]]
"""Runs so many units and gives the losses of their steps, before each update."""


class Ready(NamedTuple):
    """A contestant that can start.

    Attributes:
        runs: By program.
        unit: Training steps of a unit.
        version: The library.
        facts: What else its first answer states.
    """

    runs: Mapping[str, Run]
    unit: int
    version: str
    facts: Mapping[str, Any] = {}


def serve(prepare: Callable[[Any], Ready], read: Callable[[Path], Any] = problem.read) -> None:
    """Answers on standard input and output until the input ends.

    Args:
        prepare: Makes the contestant ready for its work.
        read: Reads that work from the file.
    """
    questions = lines_of_parent()
    ready = prepare(read(Path(sys.argv[-1])))
    # No garbage is collected while calls are timed, and what is there by now is never looked through again.
    gc.collect()
    gc.freeze()
    gc.disable()
    say({"version": ready.version, "unit": ready.unit, **ready.facts})
    for line in questions:
        question = json.loads(line)
        losses: list[float] = []
        if question["run"]:
            losses = [float(loss) for loss in ready.runs[question["program"]](question["run"])]
        else:
            gc.collect()
        say({"losses": losses[:MOST_LOSSES]})


def say(answer: Mapping[str, Any]) -> None:
    """Prints a line of progress or an answer."""
    print(json.dumps(answer), flush=True)
