"""What whole processes show: how long a program takes from its start to its end, and a strategy's peak memory."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from echo_rnn.benchmark.measure import timing
from echo_rnn.benchmark.measure.contestants import Contestant, contestant
from echo_rnn.benchmark.measure.fingerprint import environment_facts
from echo_rnn.benchmark.measure.ours import Request
from echo_rnn.benchmark.measure.process import LostError, Process, variables
from echo_rnn.benchmark.measure.records import Prepared, Record
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.timing import Job, Rounds
from echo_rnn.benchmark.measure.worker import TRAIN
from echo_rnn.child_process import Child
from echo_rnn.errors import UserError


def measure_whole(
    programs: Sequence[Contestant],
    shape: Shape,
    steps: int,
    rounds: Rounds,
    fingerprint: str,
    on_round: Callable[[int], object] = lambda done: None,
) -> Record:
    """Times all programs in rounds: imports, compiling and what they write included.

    Args:
        programs: What is run, in the current folder; ours first. Each is given an empty folder for what it writes.
        shape: What they train.
        steps: Training steps of each.
        rounds: How often; with a minimum of 0 seconds.
        fingerprint: The record's.
        on_round: Called with the number of rounds that are done.

    Raises:
        UserError: A program failed.
    """
    load, facts = psutil.getloadavg()[0], environment_facts()
    runs = {Job(program.name, TRAIN): partial(_run, program) for program in programs}
    _, samples = timing.measure(runs, rounds, on_round=on_round)
    return Record(
        shape,
        fingerprint,
        facts,
        (load, psutil.getloadavg()[0]),
        None,
        {program.name: Prepared(program.is_ours, program.threads) for program in programs},
        [replace(sample, steps=steps) for sample in samples],
        reference=programs[0].name,
        work="process",
    )


def measure_memory(shape: Shape, label: str, fingerprint: str) -> Record:
    """Measures the peak memory of a strategy, in a process of its own.

    Raises:
        UserError: The process failed.
    """
    load, facts = psutil.getloadavg()[0], environment_facts()
    alone = contestant(label, Request(shape, {label: label}, memory=True))
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Process(alone.command(Path(folder)), alone.threads, alone.seconds) as process,
        ):
            memory = {label: process.ready["memory_bytes"]}
    except LostError as error:
        raise UserError(f"benchmark of {shape.key}: {error}", "benchmark.process_failed") from None
    return Record(shape, fingerprint, facts, (load, psutil.getloadavg()[0]), None, {}, [], memory)


def _run(program: Contestant, times: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Child(program.command(Path(folder)), variables=variables(program.threads)) as child,
    ):
        while child.read_line() is not None:
            pass
        if child.wait():
            reason = f"{program.name}: expected the program to end well, got {child.ending()}"
            raise UserError(reason, "benchmark.process_failed")
