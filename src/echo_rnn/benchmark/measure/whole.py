"""Whole processes: from the start of a program to its end, imports, compiling and what it writes included."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from echo_rnn.benchmark.measure.contestants import Contestant
from echo_rnn.benchmark.measure.fingerprint import environment_facts
from echo_rnn.benchmark.measure.records import Prepared, Record, Sample
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.child_process import Child
from echo_rnn.errors import UserError

_VARIABLES = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def measure_whole(
    programs: Sequence[Contestant],
    shape: Shape,
    steps: int,
    rounds: int,
    seed: int,
    fingerprint: str,
    report: Callable[[str], object] = lambda name: None,
) -> Record:
    """Runs all programs in rounds, in an order drawn anew for each.

    Args:
        programs: What is run, in the current folder; ours first. Each is given an empty folder for what it writes.
        shape: What they train.
        steps: Training steps of each.
        rounds: How often.
        seed: Decides the order.
        fingerprint: The record's.
        report: Called with the name of each program that has ended.

    Raises:
        UserError: A program failed.
    """
    load, facts = psutil.getloadavg()[0], environment_facts()
    generator = np.random.default_rng(seed)
    origin = time.perf_counter()
    samples = []
    for number in range(rounds):
        for order, index in enumerate(generator.permutation(len(programs))):
            program = programs[index]
            start = time.perf_counter()
            _run(program)
            seconds = time.perf_counter() - start
            samples.append(Sample(number, order, program.name, "train", steps, seconds, start - origin))
            report(program.name)
    prepared = {program.name: Prepared(program.is_ours, program.threads) for program in programs}
    after = psutil.getloadavg()[0]
    reference = programs[0].name
    return Record(
        shape, fingerprint, facts, (load, after), None, prepared, samples, reference=reference, work="process"
    )


def _run(program: Contestant) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Child(program.command(Path(folder)), variables=_VARIABLES) as child,
    ):
        while child.read_line() is not None:
            pass
        if child.wait():
            reason = f"{program.name}: expected the program to end well, got {child.ending()}"
            raise UserError(reason, "benchmark.process_failed")
