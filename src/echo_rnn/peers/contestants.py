"""Who takes part at a shape, and how each is started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.measure.strategies import refusal
from echo_rnn.core.compilation import Compile
from echo_rnn.peers.process import LostError
from echo_rnn.tasks import CLASSES

# What is written out for each step or unit is compared where networks are small, which is what it is for.
_SMALL_UNITS = 16
FLAGS = ("-O3", "-march=native", "-ffast-math")
"""Of the C compiler."""


@dataclass(frozen=True)
class Contestant:
    """One way to run training steps.

    Attributes:
        name: As tables and pictures name it.
        is_ours: Whether it is a strategy of this package.
        threads: How many it may use.
        command: Given a folder for what it builds, the program and its arguments up to the problem's file; raises
            `LostError` where it cannot be built.
    """

    name: str
    is_ours: bool
    threads: int
    command: Callable[[Path], Sequence[str]]


def contestants(shape: Shape, labels: Sequence[str], programs: Path, python: Path) -> list[Contestant]:
    """Ours first, then all others that have something to say at the shape.

    Args:
        shape: The shape; ours are compiled as it says, and where that is by XLA and layers are large, in lanes too.
        labels: Our strategies. One that cannot be compiled so runs as a graph, and so does the reference once more:
            a plain `tf.while_loop`.
        programs: The folder of the peers' programs.
        python: The interpreter of the peers' own environment.
    """
    is_large = shape.units > _SMALL_UNITS
    modes: tuple[Compile, ...] = ("xla", "lanes") if is_large and shape.compile == "xla" else (shape.compile,)
    kinds = [
        (label, mode if refusal(replace(shape, compile=mode), label) is None else "graph")
        for mode in modes
        for label in labels
    ]
    ours = [_ours(label, compiled, shape) for label, compiled in dict.fromkeys([*kinds, (REFERENCE, "graph")])]

    def script(name: str, interpreter: Path, file: str, *arguments: str) -> Contestant:
        words = (str(programs / file), *arguments)
        return Contestant(name, False, shape.threads, lambda folder: [_found(interpreter), *words])

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


def _ours(label: str, compiled: str, shape: Shape) -> Contestant:
    words = (sys.executable, "-m", "echo_rnn.peers.ours", label, compiled)
    return Contestant(f"{label} {compiled}", True, shape.threads, lambda folder: words)


def _found(interpreter: Path) -> str:
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
        "ROWS": shape.batch_size,
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
    return [str(program)]
