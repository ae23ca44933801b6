"""One process's work: build every slot, hold each against the reference, time those that are right."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from echo_rnn.benchmark.measure import memory, parity, timing
from echo_rnn.benchmark.measure.fingerprint import environment_facts, fingerprint
from echo_rnn.benchmark.measure.peak import peak_gflops
from echo_rnn.benchmark.measure.records import CONTROL, REFERENCE, Prepared, Record
from echo_rnn.benchmark.measure.request import Request
from echo_rnn.benchmark.measure.strategies import require_strategies
from echo_rnn.benchmark.measure.timing import Job, Rounds
from echo_rnn.benchmark.measure.workload import Cost, Program, draw_data, spend_first_costs
from echo_rnn.core.unroll import Unroll, named

Report = Callable[[dict[str, Any]], None]


def run(request: Request, report: Report = lambda progress: None) -> Record:
    """Does what is asked and gives the record of it.

    Args:
        request: What to do.
        report: Told about each slot that is prepared, and about each round.

    Raises:
        UserError: A strategy cannot be measured at this shape.
    """
    if request.memory is not None:
        return _memory(request, request.memory)
    require_strategies(request.shape, request.labels)
    labels = [REFERENCE, *(label for label in request.labels if label != REFERENCE)]
    slots = {label: named(label) for label in labels} | {CONTROL: named(REFERENCE)}
    return time_slots(request, slots, report)


def time_slots(request: Request, slots: Mapping[str, Unroll], report: Report = lambda progress: None) -> Record:
    """Times strategies by slot; the reference must be one of them."""
    load = psutil.getloadavg()[0]
    mark, facts = fingerprint(), environment_facts()
    spend_first_costs(request.shape, slots[REFERENCE], request.seed)
    programs, costs = _build(request, slots, report)
    errors = _errors(programs)
    limit = parity.TOLERANCES[request.shape.precision]
    right = [slot for slot in slots if errors[slot] <= limit]
    runs: dict[Job, timing.Run] = {}
    for slot in right:
        runs[Job(slot, "train")], runs[Job(slot, "forward")] = programs[slot].train, programs[slot].forward
    gflops = peak_gflops() if request.peak else None
    deadline = None if request.budget_seconds is None else time.perf_counter() + request.budget_seconds
    warm, samples = timing.measure(
        runs,
        Rounds(request.rounds, request.minimum_seconds, deadline, request.seed),
        on_round=lambda done: report({"round": done, "of": request.rounds}),
    )
    prepared = {}
    for slot in slots:
        calls = warm[Job(slot, "train")].calls if slot in right else 0
        prepared[slot] = _prepared(costs[slot], calls, errors[slot], slot in right)
    return Record(request.shape, mark, facts, (load, psutil.getloadavg()[0]), gflops, prepared, samples)


def _build(request: Request, slots: Mapping[str, Unroll], report: Report) -> tuple[dict[str, Program], dict[str, Cost]]:
    data = draw_data(request.shape, request.seed)
    programs, costs = {}, {}
    for number, (slot, unroll) in enumerate(slots.items(), 1):
        programs[slot] = Program(request.shape, unroll, data, request.seed)
        costs[slot] = programs[slot].prepare()
        report({"prepared": number, "slots": len(slots), "slot": slot})
    return programs, costs


def _errors(programs: Mapping[str, Program]) -> dict[str, float]:
    reference = parity.observe(programs[REFERENCE])
    return {
        slot: parity.largest_error(reference if slot == REFERENCE else parity.observe(program), reference)
        for slot, program in programs.items()
    }


def _prepared(cost: Cost, warmup_calls: int, error: float, equal: bool) -> Prepared:
    return Prepared(**vars(cost), warmup_calls=warmup_calls, largest_error=error, equal=equal)


def _memory(request: Request, label: str) -> Record:
    require_strategies(request.shape, [label])
    load, mark, facts = psutil.getloadavg()[0], fingerprint(), environment_facts()
    raised = memory.peak_raise(request.shape, label, request.seed)
    return Record(request.shape, mark, facts, (load, psutil.getloadavg()[0]), None, {}, [], {label: raised})
