"""Our contestant: strategies of ours, each in the loop over windows that training uses, in one process.

    python -m echo_rnn.benchmark.measure.ours REQUEST.json

Strategies that share a process are checked against the first of them before they are timed, by far more than their
losses; see `echo_rnn.benchmark.measure.parity`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import TypeAdapter

from echo_rnn.benchmark.measure import problem
from echo_rnn.benchmark.measure.records import KINDS, Prepared
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.worker import TRAIN, Ready, Run, say, serve
from echo_rnn.compiled_programs import Programs, compiled_programs
from echo_rnn.core.compilation import fused_loop_bytes
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.errors import one_sentence

if TYPE_CHECKING:
    from echo_rnn.benchmark.measure.workload import Data, Program
    from echo_rnn.core.unroll import Unroll


_NO_CACHE = Programs()


@dataclass(frozen=True)
class Request:
    """The work of one process.

    Attributes:
        shape: The shape.
        slots: The strategy of each slot; the first is the reference.
        seed: Decides weights and data.
        shared: Whether the problem in the folder of the request decides them in its place, for a single slot, which
            others check by its losses.
        peak: Whether the machine's matrix product is measured too.
        memory: In place of timing: measures the peak memory of the only strategy.
        compile_cache: Where compiled programs are kept; see `echo_rnn.compiled_programs`.
        load: Whether they are loaded from there, too; else all first calls are cold.
        kinds: What is timed of each slot: `train`, and `forward` or not.
    """

    shape: Shape
    slots: Mapping[str, str]
    seed: int = 0
    shared: bool = False
    peak: bool = False
    memory: bool = False
    compile_cache: str | None = None
    load: bool = False
    kinds: Sequence[str] = KINDS


def prepare(path: Path) -> Ready:
    """Builds the programs of the request in a JSON file."""
    request = TypeAdapter(Request).validate_json(path.read_bytes())
    shape, strategies = request.shape, {slot: get_strategy(label) for slot, label in request.slots.items()}
    limit = min(fused_loop_bytes([shape.units], strategy) for strategy in strategies.values())
    with compiled_programs(request.compile_cache, shape.threads, limit, load=request.load) as programs:
        start_tensorflow(shape.threads, fused_loop_bytes=limit, compiled_programs=programs.folder)
        return _ready(request, strategies, path, programs)


def _ready(request: Request, strategies: Mapping[str, Unrolling], path: Path, programs: Programs) -> Ready:
    shape = request.shape
    import tensorflow as tf  # noqa: PLC0415 (it has its threads now)

    from echo_rnn.benchmark.measure import machine, workload  # noqa: PLC0415

    version = f"tensorflow {tf.__version__}"
    unrolls = {slot: strategy.load() for slot, strategy in strategies.items()}
    first = next(iter(unrolls.values()))
    if request.memory:
        return Ready({}, 1, version, {"memory_bytes": machine.memory_raise(shape, first, request.seed)})
    if request.shared:
        return Ready({TRAIN: _shared(shape, first, problem.read(path.with_name(problem.FILE)))}, 1, version)
    workload.spend_first_costs(shape, first, request.seed, request.kinds)
    data = workload.draw_data(shape, request.seed)
    built, prepared = build(shape, unrolls, data, request.seed, programs, request.kinds)
    runs = {
        f"{slot} {kind}": partial(program.run, kind)
        for slot, program in built.items()
        if prepared[slot].equal
        for kind in request.kinds
    }
    facts = {
        "prepared": {
            slot: vars(replace(own, threads=shape.threads, version=version)) for slot, own in prepared.items()
        },
        "kinds": request.kinds,
        "peak_gflops": machine.peak_gflops() if request.peak else None,
    }
    return Ready(runs, 1, version, facts)


def build(
    shape: Shape,
    unrolls: Mapping[str, "Unroll"],
    data: "Data",
    seed: int,
    cache: Programs = _NO_CACHE,
    kinds: Sequence[str] = KINDS,
) -> tuple[dict[str, "Program"], dict[str, Prepared]]:
    """A program for each slot, what it cost, and whether it computes what the first one computes.

    Args:
        shape: The shape.
        unrolls: The strategy of each slot.
        data: From `workload.draw_data`.
        seed: Of the weights.
        cache: The compiled programs of this process.
        kinds: See `Request`.
    """
    from echo_rnn.benchmark.measure import parity  # noqa: PLC0415
    from echo_rnn.benchmark.measure.workload import Program  # noqa: PLC0415

    programs, prepared = {}, {}
    for slot, unroll in unrolls.items():
        programs[slot], before = Program(shape, unroll, data, seed), cache.compiled
        prepared[slot] = programs[slot].prepare(kinds)
        loaded = shape.compile == "xla" and cache.all_loaded_since(before)
        prepared[slot] = replace(prepared[slot], loaded=loaded)
        say({"slot": slot})
    reference = None
    for slot, program in programs.items():
        seen = parity.observe(program, kinds)
        reference = reference or seen
        error = parity.largest_error(seen, reference)
        prepared[slot] = prepared[slot].compared(error, parity.TOLERANCES[shape.precision], "results")
    return programs, prepared


def _shared(shape: Shape, unroll: "Unroll", given: problem.Problem) -> Run:
    """The training of a problem; it is compiled by its first run."""
    import tensorflow as tf  # noqa: PLC0415

    from echo_rnn.benchmark.measure.workload import Program  # noqa: PLC0415

    y = given.y_WTB if shape.loss == "cross_entropy" else given.y_WTB[..., np.newaxis]
    program = Program(shape, unroll, (tf.constant(given.x_WTBI), tf.constant(y)), seed=0)
    program.restart(replace(program.learner.snapshot(), weights=given.weights))
    return partial(program.run, TRAIN)


if __name__ == "__main__":
    with one_sentence():
        serve(prepare, Path)
