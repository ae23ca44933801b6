"""Invented results of sweeps, shaped like real ones, for the pictures and the report."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.results import ContestantResult, Interval, Noise, ShapeResult, Verdict

SEED = Shape("lstm", 3, 4, 5, 15, 1, "float32", "graph", 2)
ALL = (
    "static", "dynamic", "partial2", "partial4", "partial8", "wavefront", "deferred", "wavefront_deferred", "block",
    "checkpointed", "dynamic_rnn", "static_rnn", "keras", "keras_unrolled",
)  # fmt: skip
ENVIRONMENT = {
    "git.commit": "a80e1a0c0ffee",
    "hardware.cpu": "Imagined CPU @ 2.80GHz",
    "hardware.cores": "2",
    "hardware.memory_gib": "7.8",
    "version.python": "3.12.3",
    "version.tensorflow": "2.21.0",
    "process.pid": "4711",
}
# Seconds for each layer and time step besides the arithmetic, and the arithmetic's rate in 10⁹ per second.
_COST = {
    "static": (30e-6, 9), "dynamic": (62e-6, 26), "wavefront": (21e-6, 20), "deferred": (50e-6, 34),
    "wavefront_deferred": (19e-6, 29), "block": (35e-6, 18), "checkpointed": (75e-6, 17), "dynamic_rnn": (70e-6, 26),
    "static_rnn": (33e-6, 9), "keras": (80e-6, 25), "keras_unrolled": (41e-6, 10),
}  # fmt: skip
_UNROLLED = {"static", "static_rnn", "keras_unrolled"}


def strategy(label: str, **changes: object) -> ContestantResult:
    """One result with plain numbers."""
    plain = ContestantResult(
        label=label,
        verdict="reference" if label == "dynamic" else "faster",
        step_seconds=0.001,
        forward_seconds=0.0004,
        speedup=Interval(1.0, 1.0, 1.0) if label == "dynamic" else Interval(2.0, 1.8, 2.2),
        forward_speedup=Interval(1.0, 1.0, 1.0) if label == "dynamic" else Interval(1.5, 1.4, 1.6),
        trace_seconds=0.3,
        compile_seconds=0.1,
        first_call_seconds=0.5,
        graph_nodes=400,
        graph_bytes=80_000,
        time_steps_per_second=75_000.0,
        gflops=1.5,
        share_of_peak=0.03,
        memory_bytes=3_000_000,
        formula_bytes=28_800,
        break_even_steps=0.0,
        largest_error=1e-7,
    )
    return replace(plain, **changes)


def wrong(label: str) -> ContestantResult:
    """One that computed something else and was not timed."""
    nothing = dict.fromkeys(
        ("step_seconds", "forward_seconds", "speedup", "forward_speedup", "time_steps_per_second", "gflops")
    )
    more = dict.fromkeys(("share_of_peak", "memory_bytes", "break_even_steps"))
    return strategy(label, verdict="wrong", largest_error=0.37, **nothing, **more)


def result(shape: Shape, strategies: Sequence[ContestantResult], **changes: object) -> ShapeResult:
    """One shape."""
    plain = ShapeResult(shape, "dynamic", list(strategies), 3, 60, dict(ENVIRONMENT), Interval(1.002, 0.991, 1.013))
    return replace(plain, **changes)


def measured(shape: Shape, labels: Sequence[str], spread: float = 0.03) -> ShapeResult:
    """A shape whose numbers follow a simple law, with noise that repeats."""
    chance = random.Random(shape.key)
    times = {label: _step_seconds(shape, label) * chance.uniform(1 - spread / 2, 1 + spread / 2) for label in labels}
    reference = times["dynamic"]
    first_of_dynamic = sum(_preparation(shape, "dynamic")) + reference
    strategies = []
    for label in labels:
        trace, compiling = (each * chance.uniform(0.9, 1.15) for each in _preparation(shape, label))
        first = trace + compiling + times[label] if label != "dynamic" else first_of_dynamic
        speedup = _interval(reference / times[label], spread, chance) if label != "dynamic" else Interval(1, 1, 1)
        gained = reference - times[label]
        debt = first - first_of_dynamic
        step = times[label]
        formula = _stored(shape, label)
        strategies.append(
            strategy(
                label,
                verdict=_verdict(label, speedup),
                step_seconds=step,
                forward_seconds=step / 3,
                speedup=speedup,
                forward_speedup=_interval(speedup.estimate**0.8, spread, chance),
                trace_seconds=trace,
                compile_seconds=compiling,
                first_call_seconds=first,
                graph_nodes=_nodes(shape, label),
                graph_bytes=_nodes(shape, label) * 190,
                time_steps_per_second=shape.window * shape.batch_size / step,
                gflops=shape.step_flops / step / 1e9,
                share_of_peak=shape.step_flops / step / 55e9,
                memory_bytes=round((formula * 1.35 + 2.2e6) * chance.uniform(0.8, 1.25)),
                formula_bytes=formula,
                break_even_steps=0.0 if debt <= 0 else debt / gained if gained > 0 else None,
            )
        )
    control = _interval(1.0, spread / 2, chance)
    return result(shape, strategies, control=control)


def static_vs_dynamic() -> list[ShapeResult]:
    """The sweep of that name."""
    grid = product((5, 64), (4, 32, 128), (5, 10, 15, 30, 60, 120, 240))
    shapes = (replace(SEED, batch_size=rows, units=units, window=window) for rows, units, window in grid)
    return [measured(shape, ("static", "dynamic", "partial8")) for shape in shapes]


def unroll_factor() -> list[ShapeResult]:
    """Partial unrolling by many factors."""
    labels = ("dynamic", "partial2", "partial4", "partial8", "partial16", "static")
    return [measured(replace(SEED, units=32, window=window), labels) for window in (15, 60, 240)]


def layers() -> list[ShapeResult]:
    """Deeper and deeper networks."""
    labels = ("dynamic", "static", "wavefront", "deferred", "wavefront_deferred")
    return [measured(replace(SEED, layers=number, units=32), labels) for number in (1, 2, 3, 4, 6, 8)]


def long() -> list[ShapeResult]:
    """Long windows."""
    labels = ("dynamic", "static", "deferred", "checkpointed")
    return [measured(replace(SEED, units=32, window=window), labels) for window in (60, 125, 250, 500, 1000)]


def tensorflow_replica() -> list[ShapeResult]:
    """The shapes of TensorFlow's own test."""
    shapes = (replace(SEED, layers=1, batch_size=256, window=50, units=units) for units in (128, 256, 512))
    return [measured(shape, ("static_rnn", "dynamic_rnn", "static", "dynamic")) for shape in shapes]


def deepbench() -> list[ShapeResult]:
    """Shapes that form no grid."""
    sizes = ((512, 16, 25), (512, 32, 25), (256, 16, 150))
    shapes = (replace(SEED, layers=1, units=units, batch_size=rows, window=window) for units, rows, window in sizes)
    return [measured(shape, ("static", "dynamic", "deferred")) for shape in shapes]


def quick() -> list[ShapeResult]:
    """The grid of `make run`: the seed's shape, all strategies, one of them wrong, on a machine that is not quiet."""
    whole = measured(SEED, ALL, spread=0.1)
    strategies = [wrong("block") if each.label == "block" else each for each in whole.contestants]
    noise = [Noise("busy", 3.1), Noise("speed changed", 1.12, process=1, seconds=4.2)]
    return [replace(whole, contestants=strategies, noise=noise, control=Interval(1.04, 1.01, 1.07))]


SWEEPS = {
    "static_vs_dynamic": static_vs_dynamic,
    "unroll_factor": unroll_factor,
    "layers": layers,
    "long": long,
    "tensorflow_replica": tensorflow_replica,
    "deepbench": deepbench,
    "quick": quick,
}


def _factor(label: str) -> int | None:
    return int(label.removeprefix("partial")) if label.startswith("partial") else None


def _step_seconds(shape: Shape, label: str) -> float:
    k = _factor(label)
    if k is not None:
        share = 1 / min(k, shape.window)
        (slow, fast), (quick, lame) = _COST["dynamic"], _COST["static"]
        overhead, rate = quick + (slow - quick) * share, lame + (fast - lame) * share**0.3
    else:
        overhead, rate = _COST[label]
    turns = shape.window * shape.layers
    if label.startswith("wavefront"):
        turns = shape.window + 2 * (shape.layers - 1)
    return 150e-6 + overhead * turns + shape.step_flops / rate / 1e9


def _columns(shape: Shape, label: str) -> int:
    return shape.window if label in _UNROLLED else min(_factor(label) or 1, shape.window)


def _preparation(shape: Shape, label: str) -> tuple[float, float]:
    columns = _columns(shape, label) * shape.layers
    return 0.12 + 0.011 * columns, 0.05 + 0.004 * columns**1.1


def _nodes(shape: Shape, label: str) -> int:
    return 310 + 62 * _columns(shape, label) * shape.layers


def _stored(shape: Shape, label: str) -> int:
    steps = 2 * math.isqrt(shape.window) if label.startswith("checkpointed") else shape.window
    return 8 * 4 * shape.units * shape.layers * steps * shape.batch_size


def _interval(estimate: float, spread: float, chance: random.Random) -> Interval:
    low, high = (chance.uniform(0.3, 1) * spread for _ in range(2))
    return Interval(estimate, estimate * (1 - low), estimate * (1 + high))


def _verdict(label: str, speedup: Interval) -> Verdict:
    if label == "dynamic":
        return "reference"
    return "faster" if speedup.low > 1 else "slower" if speedup.high < 1 else "undecided"
