"""Records of a machine whose truth is known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from echo_rnn.benchmark.measure.records import CONTROL, KINDS, REFERENCE, Prepared, Record, Sample
from echo_rnn.benchmark.measure.shape import Shape

STEP = {"train": 2e-3, "forward": 0.8e-3}
STEPS = 50
CORES = {"hardware.cores": "2"}


def shape(**values) -> Shape:
    defaults = dict(
        cell="lstm", layers=3, units=4, batch_size=5, window=15, inputs=1, precision="float32", compile="graph"
    )
    return Shape(**{**defaults, "threads": 2, **values})


def prepared(**values) -> Prepared:
    defaults = dict(trace_seconds=0.3, compile_seconds=0.2, first_call_seconds=0.6, graph_nodes=500, graph_bytes=40_000)
    return Prepared(**{**defaults, "warmup_calls": 3, "largest_error": 1e-7, "equal": True, **values})


@dataclass(frozen=True)
class Machine:
    """How it errs.

    Attributes:
        noise: Standard deviation of the logarithm of a call's time.
        offset: The same of what a process does to a slot for good.
        correlation: Of the noise of a slot from one round to the next.
        speed: By which factor all calls are slowed, by the share of the measurement that has passed.
    """

    noise: float = 0.03
    offset: float = 0.0
    correlation: float = 0.0
    speed: Callable[[float], float] = lambda share: 1.0


def record(
    ratios: Mapping[str, float],
    machine: Machine = Machine(),
    *,
    seed: int = 0,
    rounds: int = 10,
    kinds: Sequence[str] = KINDS,
    **values,
) -> Record:
    """What one process measures.

    Args:
        ratios: Speed-up of each strategy over the reference.
        machine: What it runs on.
        seed: Of all chance.
        rounds: How many.
        kinds: What is timed.
        values: Other fields of the record; slots in `prepared` that are not equal are not timed.
    """
    rng = np.random.default_rng(seed)
    truth = {REFERENCE: 1.0, CONTROL: 1.0, **ratios}
    slots = {slot: prepared() for slot in truth} | values.pop("prepared", {})
    calls = [(slot, kind) for slot in slots if slots[slot].equal for kind in kinds]
    layout = {call: machine.offset * rng.standard_normal() for call in calls}
    wander = {call: rng.standard_normal() for call in calls}
    fresh = np.sqrt(1 - machine.correlation**2)
    samples, now = [], 0.0
    for number in range(rounds):
        for order, (slot, kind) in enumerate(calls[i] for i in rng.permutation(len(calls))):
            call = slot, kind
            wander[call] = machine.correlation * wander[call] + fresh * rng.standard_normal()
            slowed = machine.speed((number + order / len(calls)) / rounds)
            log = layout[call] + machine.noise * wander[call]
            seconds = STEPS * STEP[kind] / truth[slot] * float(np.exp(log)) * slowed
            samples.append(Sample(number, order, slot, kind, STEPS, seconds, now))
            now += seconds
    defaults = dict(shape=shape(), fingerprint="f", environment=CORES, load=(0.4, 1.2), peak_gflops=50.0)
    return Record(**{**defaults, "prepared": slots, "samples": samples, **values})


def processes(
    count: int, ratios: Mapping[str, float], machine: Machine = Machine(), *, seed: int = 0, **values
) -> list[Record]:
    return [record(ratios, machine, seed=1000 * seed + number, **values) for number in range(count)]
