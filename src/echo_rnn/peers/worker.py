"""How a contestant talks: lines of JSON, one question at a time, and silence in between.

A contestant is started with the file of a problem as its last argument. When it is ready it says

    {"unit": 1, "version": "jax 0.9.1"}

where `unit` is the number of training steps that it runs at once: a compiled epoch cannot be cut. Then it answers

    {"run": 3}       {"losses": [0.693, …]}

once 3 more units are done, with the losses of the first steps among them, at most `TOLD`. The first answer is checked;
after that only its time counts, and a contestant may tell fewer. It ends when its input does.
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from echo_rnn.peers.problem import Problem, read

TOLD = 20


class Ready(NamedTuple):
    """A contestant that can start.

    Attributes:
        run: Runs so many units and gives the losses of their steps, before each update.
        unit: Training steps of a unit.
        version: The library.
    """

    run: Callable[[int], Iterable[float]]
    unit: int
    version: str


def serve(prepare: Callable[[Problem], Ready]) -> None:
    """Has a contestant answer on its standard input and output.

    Args:
        prepare: Makes it ready for a problem.
    """
    ready = prepare(read(Path(sys.argv[-1])))
    _say({"unit": ready.unit, "version": ready.version})
    for line in sys.stdin:
        losses = [float(loss) for loss in ready.run(json.loads(line)["run"])]
        _say({"losses": losses[:TOLD]})


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)
