"""What takes part in a measurement, and how each process is started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from echo_rnn.benchmark.measure.ours import Request
from echo_rnn.benchmark.measure.problem import FILE
from echo_rnn.benchmark.measure.process import SECONDS, LostError
from echo_rnn.benchmark.measure.records import CONTROL, REFERENCE, again
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.strategies import refusal
from echo_rnn.tasks import CLASSES

# What is written out for each step or unit is compared where networks are small, which is what it is for.
_SHARDS_PER_THREAD = 2  # no thread is idle when its first one ends
_SMALL_UNITS = 16
FLAGS = ("-O3", "-march=native", "-ffast-math")
"""Of the C compiler."""


@dataclass(frozen=True)
class Contestant:
    """A process that runs training steps: of one way, or of several strategies of ours.

    Attributes:
        name: As records, tables and pictures name it; where it holds several strategies, each has a name of its own.
        is_ours: Whether it is of this package.
        threads: How many it may use.
        command: Given a folder for what it builds, in which the problem may lie, the program and its arguments; raises
            `LostError` where it cannot be built.
        seconds: For each of its answers; `None` for as long as it takes.
    """

    name: str
    is_ours: bool
    threads: int
    command: Callable[[Path], Sequence[str]]
    seconds: float | None = SECONDS


def strategies(shape: Shape, labels: Sequence[str], seed: int, *, peak: bool = True) -> Contestant:
    """Strategies of ours in one process, the reference first and once more as the A/A control.

    One process for all: that makes many strategies comparable, and saves each the start.
    """
    slots = {label: label for label in (REFERENCE, *labels)} | {CONTROL: REFERENCE}
    return _ours("strategies", Request(shape, slots, seed, peak=peak), None)


def alone(shape: Shape, label: str, seed: int) -> Contestant:
    """One strategy of ours in a process that measures its peak memory."""
    return _ours(label, Request(shape, {label: label}, seed, memory=True), None)


def beside_peers(shape: Shape, labels: Sequence[str], programs: Path, python: Path) -> list[Contestant]:
    """Ours first, the first one once more as the A/A control, then all others that are comparable at the shape.

    Args:
        shape: The shape; ours are compiled as it says, and where that is by XLA and layers are large, with shards too.
        labels: Our strategies. One that cannot be compiled so runs as a graph, and so does the reference once more:
            a plain `tf.while_loop`.
        programs: The folder of the peers' programs.
        python: The interpreter of the peers' own environment.
    """
    is_large = shape.units > _SMALL_UNITS
    graph = replace(shape, compile="graph", shards=1)
    sharded = [replace(shape, shards=_SHARDS_PER_THREAD * shape.threads)] if is_large and shape.compile == "xla" else []
    kinds = [
        (label, mode if refusal(mode, label) is None else graph)
        for mode in dict.fromkeys([shape, *sharded])
        for label in labels
    ]
    ours = [_single(label, mode) for label, mode in dict.fromkeys([*kinds, (REFERENCE, graph)])]
    ours.insert(1, replace(ours[0], name=again(ours[0].name)))

    def script(name: str, interpreter: Path, file: str, *arguments: str) -> Contestant:
        words = (str(programs / file), *arguments)
        return Contestant(
            name, False, shape.threads, lambda folder: [_existing(interpreter), *words, str(folder / FILE)]
        )

    own = Path(sys.executable)
    large = [
        script("PyTorch", python, "torch_lstm.py"),
        script("JAX", python, "jax_scan.py", "1"),
    ]
    if is_large:
        return [*ours, *large]
    return [
        *ours,
        *(
            Contestant(name, False, 1, partial(_compiled, programs / file, shape))
            for name, file in (("C vectors", "floor.c"), ("C loops", "plain.c"))
        ),
        *large,
        script("JAX unrolled", python, "jax_scan.py", "0"),
        script("article dynamic", own, "article.py", "dynamic"),
        script("article static", own, "article.py", "static"),
        script("Keras", own, "keras_fit.py"),
        script("Keras unrolled", own, "keras_fit.py", "--unroll"),
        script("Keras XLA", own, "keras_fit.py", "--xla"),
    ]


def _ours(name: str, request: Request, seconds: float | None) -> Contestant:
    def command(folder: Path) -> Sequence[str]:
        file = folder / "request.json"
        problem = None if request.problem is None else str(folder / request.problem)
        replace(request, problem=problem).write(file)
        return [sys.executable, "-m", "echo_rnn.benchmark.measure.ours", str(file)]

    return Contestant(name, True, request.shape.threads, command, seconds)


def _single(label: str, shape: Shape) -> Contestant:
    name = f"{label} {shape.compile}" + (f" shards{shape.shards}" if shape.shards > 1 else "")
    return _ours(name, Request(shape, {name: label}, problem=FILE), SECONDS)


def _existing(interpreter: Path) -> str:
    if not interpreter.exists():
        raise LostError(f"expected an environment {interpreter.parents[1].name}, got none; `make peers` makes it")
    return str(interpreter)


def c_compiler() -> str | None:
    """The C compiler: that of the variable CC, else cc; `None` where there is none."""
    return shutil.which(os.environ.get("CC", "cc"))


def _compiled(source: Path, shape: Shape, folder: Path) -> Sequence[str]:
    compiler = c_compiler()
    if compiler is None:
        raise LostError("expected a C compiler named cc or by the variable CC, got none; install one, such as gcc")
    program = folder / source.stem
    sizes = {
        "LAYERS": shape.layers,
        "UNITS": shape.units,
        "BATCH": shape.batch_size,
        "WINDOW": shape.window,
        "INPUTS": shape.inputs,
        "CLASSES": CLASSES,
    }
    defined = [f"-D{name}={size}" for name, size in sizes.items()]
    answer = subprocess.run(
        [compiler, *FLAGS, *defined, str(source), "-lm", "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise LostError(f"expected {source.name} to compile, got {answer.stderr.strip().splitlines()[0]}")
    return [str(program), str(folder / FILE)]
