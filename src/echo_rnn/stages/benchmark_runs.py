"""A benchmark in the tracking store: a flat run for each strategy at each shape, and one for the sweep."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from echo_rnn.benchmark.measure.records import files_of
from echo_rnn.benchmark.report.results import ShapeResult, StrategyResult
from echo_rnn.config import Config
from echo_rnn.stages.store import print_comparison, store_of
from echo_rnn.tracking import BENCHMARK_NOTE, Store

MIB = 2**20


def log_sweep(
    config: Config, results: Sequence[ShapeResult], records: Path, files: Sequence[Path], summary: str
) -> None:
    """Logs what is not in the store yet, and prints the link to the comparison.

    The sweep's tag stands for its records: the same records are logged once, however often this is called, and what a
    killed call has left out is added by the next one.
    """
    store = store_of(config.tracking, suffix="-benchmark", note=BENCHMARK_NOTE)
    sweep = f"{config.sweep.name}-{_digest(records)}"
    for result in results:
        for strategy in result.strategies:
            _log_strategy(store, sweep, result, strategy)
    if not store.tagged({"summary_of": sweep}):
        tags = {"summary_of": sweep, "kind": "summary"}
        with store.run(f"summary of {sweep}", f"{config.sweep.description}\n\n{summary}", tags) as run:
            for file in files:
                run.log_artifact(file, "report")
            for file in files_of(records):
                run.log_artifact(file, f"records/{file.parent.name}")
    print_comparison(store, sweep)


def _log_strategy(store: Store, sweep: str, result: ShapeResult, strategy: StrategyResult) -> None:
    slot = f"{strategy.label} {result.shape.key}"
    if store.tagged({"sweep": sweep, "slot": slot}):
        return
    tags = {"sweep": sweep, "slot": slot, "strategy": strategy.label}
    name = f"{strategy.label}-{result.shape.key}"
    with store.run(name, f"`{strategy.label}` at {result.shape.key}", tags) as run:
        run.log_config({"strategy": strategy.label, "verdict": strategy.verdict, **result.shape.values()})
        run.log_metrics((name, value, 0) for name, value in _numbers(strategy) if value is not None)


def _numbers(strategy: StrategyResult) -> Iterator[tuple[str, float | None]]:
    for name, seconds, speedup in (
        ("step", strategy.step_seconds, strategy.speedup),
        ("forward", strategy.forward_seconds, strategy.forward_speedup),
    ):
        yield f"{name}/milliseconds", None if seconds is None else 1000 * seconds
        if speedup is not None:
            yield f"{name}/speedup", speedup.estimate
            yield f"{name}/speedup_low", speedup.low
            yield f"{name}/speedup_high", speedup.high
    yield "prepare/trace_seconds", strategy.trace_seconds
    yield "prepare/compile_seconds", strategy.compile_seconds
    yield "prepare/first_call_seconds", strategy.first_call_seconds
    yield "prepare/break_even_steps", strategy.break_even_steps
    yield "throughput/time_steps_per_second", strategy.time_steps_per_second
    yield "throughput/gflops", strategy.gflops
    yield "throughput/share_of_peak", strategy.share_of_peak
    yield "memory/peak_mib", None if strategy.memory_bytes is None else strategy.memory_bytes / MIB
    yield "memory/formula_mib", strategy.formula_bytes / MIB
    yield "graph/nodes", strategy.graph_nodes
    yield "graph/bytes", strategy.graph_bytes


def _digest(records: Path) -> str:
    """Eight hexadecimal digits that stand for all records."""
    digest = hashlib.sha256()
    for file in files_of(records):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]
