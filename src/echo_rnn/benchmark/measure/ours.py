"""Our contestant: strategies of ours, each in the loop over windows that training uses, in one process.

    python -m echo_rnn.benchmark.measure.ours REQUEST.json

Strategies that share a process are checked against the first of them before they are timed, by far more than their
losses; see `echo_rnn.benchmark.measure.parity`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from echo_rnn.benchmark.measure import problem
from echo_rnn.benchmark.measure.records import KINDS, Prepared
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.strategies import require_strategies
from echo_rnn.benchmark.measure.worker import TRAIN, Ready, Run, say, serve
from echo_rnn.core.compilation import fused_loop_bytes
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.core.strategies import get_strategy
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.files import write_json

if TYPE_CHECKING:
    from echo_rnn.benchmark.measure.workload import Data, Program
    from echo_rnn.core.unroll import Unroll


@dataclass(frozen=True)
class Request:
    """The work of one process.

    Attributes:
        shape: The shape.
        slots: The strategy of each slot; the first is the reference.
        seed: Decides weights and data.
        problem: A file that decides them in its place, for a single slot, which others check by its losses.
        peak: Whether the machine's matrix product is measured too.
        memory: In place of timing: measures the peak memory of the only strategy.
    """

    shape: Shape
    slots: Mapping[str, str]
    seed: int = 0
    problem: str | None = None
    peak: bool = False
    memory: bool = False

    def write(self, path: Path) -> None:
        """Writes the request."""
        write_json(path, asdict(self))


def read(path: Path) -> Request:
    """Reads what `Request.write` wrote.

    Raises:
        UserError: It is no request.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Request(**content | {"shape": Shape(**content["shape"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: expected a benchmark request, got {reason}", "benchmark.no_request") from error


def prepare(request: Request) -> Ready:
    """Builds the programs of a request.

    Raises:
        UserError: A strategy cannot be measured at the shape.
    """
    shape, labels = request.shape, list(dict.fromkeys(request.slots.values()))
    require_strategies(shape, labels)
    limit = min(fused_loop_bytes([shape.units], get_strategy(label)) for label in labels)
    start_tensorflow(shape.threads, fused_loop_bytes=limit)
    import tensorflow as tf  # noqa: PLC0415 (it has its threads now)

    from echo_rnn.benchmark.measure import machine, workload  # noqa: PLC0415

    version = f"tensorflow {tf.__version__}"
    unrolls = {slot: get_strategy(label).load() for slot, label in request.slots.items()}
    first = next(iter(unrolls.values()))
    if request.memory:
        return Ready({}, 1, version, {"memory_bytes": machine.memory_raise(shape, first, request.seed)})
    if request.problem is not None:
        return Ready({TRAIN: _of_problem(shape, first, problem.read(Path(request.problem)))}, 1, version)
    workload.spend_first_costs(shape, first, request.seed)
    programs, prepared = build(shape, unrolls, workload.draw_data(shape, request.seed), request.seed)
    runs = {
        f"{slot} {kind}": getattr(program, kind)
        for slot, program in programs.items()
        if prepared[slot].equal
        for kind in KINDS
    }
    facts = {slot: asdict(replace(found, threads=shape.threads, version=version)) for slot, found in prepared.items()}
    return Ready(runs, 1, version, {"prepared": facts, "peak_gflops": machine.peak_gflops() if request.peak else None})


def build(
    shape: Shape, unrolls: Mapping[str, "Unroll"], data: "Data", seed: int
) -> tuple[dict[str, "Program"], dict[str, Prepared]]:
    """A program for each slot, what it cost, and whether it computes what the first one computes."""
    from echo_rnn.benchmark.measure import parity  # noqa: PLC0415
    from echo_rnn.benchmark.measure.workload import Program  # noqa: PLC0415

    programs, costs = {}, {}
    for slot, unroll in unrolls.items():
        programs[slot] = Program(shape, unroll, data, seed)
        costs[slot] = programs[slot].prepare()
        say({"slot": slot})
    limit = parity.TOLERANCES[shape.precision]
    reference = None
    prepared = {}
    for slot, program in programs.items():
        seen = parity.observe(program)
        reference = reference or seen
        error = parity.largest_error(seen, reference)
        trouble = "" if error <= limit else f"its results differ from the reference's by {error:.1g} of themselves"
        prepared[slot] = Prepared(**vars(costs[slot]), largest_error=error, equal=not trouble, trouble=trouble)
    return programs, prepared


def _of_problem(shape: Shape, unroll: "Unroll", given: problem.Problem) -> Run:
    """The training of a problem; it is compiled by its first run."""
    import tensorflow as tf  # noqa: PLC0415

    from echo_rnn.benchmark.measure.workload import Data, Program  # noqa: PLC0415

    program = Program(shape, unroll, Data(tf.constant(given.x_WTBI), tf.constant(given.y_WTB)), seed=0)
    program.restart(replace(program.learner.snapshot(), weights=given.weights))
    return program.train


if __name__ == "__main__":
    with one_sentence():
        serve(prepare, read)
