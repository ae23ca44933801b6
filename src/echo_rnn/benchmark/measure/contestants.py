"""What takes part in a measurement, and how each process is started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from echo_rnn.benchmark.measure.ours import Request
from echo_rnn.benchmark.measure.problem import FILE
from echo_rnn.benchmark.measure.process import SECONDS, LostError
from echo_rnn.benchmark.measure.records import CONTROL, KINDS, REFERENCE, again
from echo_rnn.benchmark.measure.shape import Shape, refusal
from echo_rnn.files import write_json

# What is written out for each step or unit is compared where networks are small, which is what it is for.
_SHARDS_PER_THREAD = 2  # no thread is idle when its first one ends
_SMALL_STACK = 50_000  # most numbers in a stack of a layer's states over a window, `[T, B, S]`
_FLAGS = ("-O3", "-march=native", "-ffast-math")  # of the C compiler


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


def strategies(
    shape: Shape,
    labels: Sequence[str],
    seed: int,
    *,
    kinds: Sequence[str] = KINDS,
    peak: bool = True,
    cache: str | None = None,
    load: bool = False,
) -> Contestant:
    """Strategies of ours in one process, the reference first and once more as the A/A control.

    One process for all: that makes many strategies comparable, and saves each the start.

    Args:
        shape: The shape.
        labels: The strategies.
        seed: Decides weights and data.
        kinds: What is timed of each: `train`, and `forward` or not.
        peak: Whether the machine's matrix product is measured, too.
        cache: Where compiled programs are kept; `None` for nowhere.
        load: Whether they are loaded from there, so that first calls are not cold.
    """
    slots = {label: label for label in (REFERENCE, *labels)} | {CONTROL: REFERENCE}
    request = Request(shape, slots, seed, kinds=kinds, peak=peak, compile_cache=cache, load=load)
    return contestant("strategies", request)


def beside_peers(shape: Shape, labels: Sequence[str], programs: Path, python: Path) -> list[Contestant]:
    """Ours first, the first one once more as the A/A control, then all others that are comparable at the shape.

    Args:
        shape: The shape; ours are compiled as it says, and where that is by XLA and steps are large, with shards too.
        labels: Our strategies. One that cannot be compiled so runs as a graph, and so does the reference once more:
            a plain `tf.while_loop`.
        programs: The folder of the peers' programs.
        python: The interpreter of the peers' own environment.
    """
    is_large = shape.window * shape.batch_size * shape.units > _SMALL_STACK
    graph = replace(shape, compile="graph", shards=1)
    sharded = [replace(shape, shards=_SHARDS_PER_THREAD * shape.threads)] if is_large and shape.compile == "xla" else []
    kinds = [
        (label, mode if refusal(mode, label) is None else graph)
        for mode in dict.fromkeys([shape, *sharded])
        for label in labels
    ]
    ours = []
    for label, mode in dict.fromkeys([*kinds, (REFERENCE, graph)]):
        name = f"{label} {mode.compile}" + (f" shards{mode.shards}" if mode.shards > 1 else "")
        ours.append(contestant(name, Request(mode, {name: label}, shared=True), SECONDS))
    ours.insert(1, replace(ours[0], name=again(ours[0].name)))

    def script(name: str, interpreter: Path, *words: str) -> Contestant:
        return Contestant(name, False, shape.threads, partial(_script, interpreter, programs, words))

    def program(name: str, file: str) -> Contestant:
        return Contestant(name, False, 1, partial(_compiled, programs / file, shape))

    own = Path(sys.executable)
    everywhere = [script("PyTorch", python, "torch_lstm.py"), script("JAX", python, "jax_scan.py", "1")]
    small = [
        script("JAX unrolled", python, "jax_scan.py", "0"),
        program("C vectors", "floor.c"),
        program("C loops", "plain.c"),
        script("article dynamic", own, "article.py", "dynamic"),
        script("article static", own, "article.py", "static"),
        script("Keras", own, "keras_fit.py"),
        script("Keras unrolled", own, "keras_fit.py", "--unroll"),
        script("Keras XLA", own, "keras_fit.py", "--xla"),
    ]
    return [*ours, *everywhere, *([] if is_large or shape.loss != "cross_entropy" else small)]


def contestant(name: str, request: Request, seconds: float | None = None) -> Contestant:
    """One of ours."""

    def command(folder: Path) -> Sequence[str]:
        file = folder / "request.json"
        write_json(file, asdict(request))
        return [sys.executable, "-m", "echo_rnn.benchmark.measure.ours", str(file)]

    return Contestant(name, True, request.shape.threads, command, seconds)


def _script(interpreter: Path, programs: Path, words: Sequence[str], folder: Path) -> Sequence[str]:
    if not interpreter.exists():
        raise LostError(f"expected an environment {interpreter.parents[1].name}, got none; `make peers` makes it")
    file, *arguments = words
    return [str(interpreter), str(programs / file), *arguments, str(folder / FILE)]


def c_compiler() -> str | None:
    """The C compiler: that of the variable CC, else cc; `None` where there is none."""
    return shutil.which(os.environ.get("CC", "cc"))


def _compiled(source: Path, shape: Shape, folder: Path) -> Sequence[str]:
    compiler = c_compiler()
    if compiler is None:
        raise LostError("expected a C compiler named cc or by the variable CC, got none; install one, such as gcc")
    program = str(folder / source.stem)
    sizes = {
        "LAYERS": shape.layers,
        "UNITS": shape.units,
        "BATCH": shape.batch_size,
        "WINDOW": shape.window,
        "INPUTS": shape.inputs,
        "CLASSES": shape.outputs,
    }
    command = [compiler, *_FLAGS, *(f"-D{name}={size}" for name, size in sizes.items()), str(source), "-lm"]
    answer = subprocess.run([*command, "-o", program], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise LostError(f"expected {source.name} to compile, got {answer.stderr.strip().splitlines()[0]}")
    return [program, str(folder / FILE)]
