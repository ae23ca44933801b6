"""Whole processes: from the start of a program to its end, imports, compiling and what it writes included."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from echo_rnn.benchmark.measure.fingerprint import environment_facts
from echo_rnn.benchmark.measure.records import Sample
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.errors import UserError, parse_line
from echo_rnn.peers.records import Entry, PeersRecord


@dataclass(frozen=True)
class Program:
    """A program that trains and ends.

    Attributes:
        name: As tables and pictures name it.
        is_ours: Whether it is ours.
        command: Given an empty folder for what it writes, the program and its arguments.
    """

    name: str
    is_ours: bool
    command: Callable[[Path], Sequence[str]]


def measure_whole(
    programs: Sequence[Program],
    shape: Shape,
    steps: int,
    rounds: int,
    seed: np.random.SeedSequence,
    mark: str,
    report: Callable[[str], object] = lambda name: None,
) -> PeersRecord:
    """Runs all programs in rounds, in an order drawn anew for each.

    Args:
        programs: What is run, in the current folder.
        shape: What they train.
        steps: Training steps of each.
        rounds: How often.
        seed: Decides the order.
        mark: The record's fingerprint.
        report: Told the name of each program that has ended.

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
    entries = [Entry(program.name, program.is_ours, shape.threads) for program in programs]
    return PeersRecord("process", shape, mark, facts, (load, psutil.getloadavg()[0]), entries, samples)


def _run(program: Program) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = program.command(Path(folder))
        variables = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        answer = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if answer.returncode:
        word = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        raise UserError(
            f"{program.name}: expected the program to end well, got {parse_line(word) or word}",
            "peers.program_failed",
        )
