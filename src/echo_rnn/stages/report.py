"""Stage `report`: what samples show, as a page, pictures, numbers, and runs to compare; of strategies and of peers."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.benchmark.measure.records import Record, files_of, records_of
from echo_rnn.benchmark.measure.shape import stored_bytes
from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.answer import Answer, answer
from echo_rnn.benchmark.report.page import Picture, write_page
from echo_rnn.benchmark.report.results import ContestantResult, ShapeResult
from echo_rnn.benchmark.report.statistics import results
from echo_rnn.config import Config
from echo_rnn.errors import UserError
from echo_rnn.files import remove, write_json, write_table
from echo_rnn.plots import save
from echo_rnn.stages.pictures import BESIDE_PEERS, PICTURES, PictureKind
from echo_rnn.stages.shapes import shapes_of
from echo_rnn.stages.show import show_rows
from echo_rnn.stages.store import print_comparison, store_of
from echo_rnn.tracking import MetricRow, Store

PAGE = "report.html"
_MIB = 2**20
_CHARTS = ("step/microseconds", "step/speedup", "prepare/first_call_seconds")
_PEERS_QUESTION = "How fast is a training step of ours beside other libraries and C?"


def report(config: Config, records: Path, folder: Path) -> None:
    """Derives everything from the records of the configured shapes, prints the answer, and logs it.

    Raises:
        UserError: There are no records.
    """
    chosen = _records(config, records)
    derived = results(chosen, stored_bytes)
    found = answer(config.sweep.description, derived, chosen)
    page, *pictures = write_report(f"Benchmark: {config.sweep.name}", found, folder)
    write_json(folder / "results.json", [asdict(result) for result in derived])
    _write_table(derived, folder / "table.csv")
    _print(found, page)
    _log_sweep(config, found, records, [page, *pictures])


def write_report(title: str, found: Answer, folder: Path, kinds: Sequence[PictureKind] = PICTURES) -> list[Path]:
    """Writes the page and its pictures; the same input gives the same bytes.

    Pictures of an earlier report that this one does not have are deleted, so that none stands beside the wrong page.

    Args:
        title: Of the page.
        found: The answer.
        folder: Where the files go; created where missing.
        kinds: The pictures, as far as there is something to draw.

    Returns:
        The page, then the pictures.
    """
    shown, absent = [], []
    for picture in kinds:
        path = folder / f"{picture.name}.png"
        figure = picture.draw(found.results)
        if figure is None:
            absent.append(path)
        else:
            save(figure, path)
            shown.append(Picture(picture.title, picture.reading, path))
    write_page(folder / PAGE, title, found, shown)
    remove(*absent)
    return [folder / PAGE, *(picture.path for picture in shown)]


def _write_table(results: Sequence[ShapeResult], file: Path) -> None:
    """Writes what can be compared as a CSV file: a row for each strategy and shape, columns as MLflow's metrics."""
    shapes = [asdict(result.shape) for result in results]
    rows = [
        [*shape.values(), each.label, each.verdict, *(value for _, value in _metrics(each))]
        for result, shape in zip(results, shapes, strict=True)
        for each in result.contestants
    ]
    names = [name for name, _ in _metrics(results[0].contestants[0])]
    write_table(file, (*shapes[0], "strategy", "verdict", *names), rows)


def report_peers(config: Config, records: Path, own: str, folder: Path) -> None:
    """Derives everything from the records of one fingerprint, prints the answer, and logs it once.

    Raises:
        UserError: There are no records.
    """
    chosen = [record for record in records_of(records) if record.fingerprint == own]
    found = answer(_PEERS_QUESTION, results(chosen, None))
    if not found.results:
        raise UserError(
            f"{records}: expected records of this machine and code, got none; measure first", "report.no_records"
        )
    files = write_report("Benchmark: ours beside others", found, folder, [BESIDE_PEERS])
    numbers = folder / "summary.json"
    write_json(numbers, summary(found.results))
    _print(found, files[0])
    for result in found.results:
        for each in result.contestants:
            if each.trouble:
                print(f"not timed: {each.label}: {each.trouble}")
    tag = {"peers": hashlib.sha256(repr(chosen).encode()).hexdigest()[:8]}
    store = store_of(config.tracking, benchmark=True)
    if not store.tagged(tag):
        with store.run("peers", words.text(found), tag | {"kind": "peers"}) as run:
            run.log_metrics(_peers_metrics(found.results))
            for file in (*files, numbers):
                run.log_artifact(file, "report")


def summary(results: Sequence[ShapeResult]) -> list[dict[str, Any]]:
    """One entry for each shape and contestant, as JSON values; a ratio is a time over that of our best."""
    return [
        {
            "work": "process" if result.trained else "steps",
            "shape": result.shape.key,
            "trained": result.trained,
            "peer": each.label,
            "is_ours": each.is_ours,
            "ours": result.reference,
            "ratio": None if each.speedup is None else asdict(each.speedup.inverse),
            "step_milliseconds": None if each.step_seconds is None else 1e3 * each.step_seconds,
            "threads": each.threads,
            "version": each.version,
            "trouble": each.trouble,
        }
        for result in results
        for each in result.contestants
    ]


def _records(config: Config, folder: Path) -> list[Record]:
    """Those of this machine and code, or, where there are none, all of the latest ones."""
    wanted, own = set(shapes_of(config)), fingerprint()
    every = [record for record in records_of(folder) if record.shape in wanted]
    if not every:
        raise UserError(
            f"{folder}: expected records of the sweep {config.sweep.name}, got none; measure it first",
            "report.no_records",
        )
    if all(record.fingerprint != own for record in every):
        print("the records are of another machine or other code than this: the latest of them are reported")
        own = max(every, key=lambda record: float(record.environment["process.start"])).fingerprint
    return [record for record in every if record.fingerprint == own]


def _print(found: Answer, page: Path) -> None:
    print("\n".join([found.question, *words.sentences(found)]))
    if rows := words.verdict_rows(found):
        show_rows("", rows)
    print(f"report: {page}")


def _log_sweep(config: Config, found: Answer, records: Path, files: Sequence[Path]) -> None:
    """Logs what is not in the store yet: a flat run for each strategy at each shape, and one for the sweep.

    The sweep's tag stands for its records: the same records are logged once, however often this is called, and what a
    killed call has not logged is added by the next one. The link to the comparison is printed.
    """
    store = store_of(config.tracking, benchmark=True)
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files_of(records))).hexdigest()[:8]
    sweep = f"{config.sweep.name}-{digest}"
    for result in found.results:
        for each in result.contestants:
            _log_strategy(store, sweep, result, each)
    if not store.tagged({"summary_of": sweep}):
        with store.run(f"summary of {sweep}", words.text(found), {"summary_of": sweep, "kind": "summary"}) as run:
            for file in files:
                run.log_artifact(file, "report")
            for file in files_of(records):
                run.log_artifact(file, f"records/{file.parent.name}")
    print_comparison(store, sweep, _CHARTS)


def _log_strategy(store: Store, sweep: str, result: ShapeResult, each: ContestantResult) -> None:
    slot = f"{each.label} {result.shape.key}"
    if store.tagged({"sweep": sweep, "slot": slot}):
        return
    # The records may be of another machine, from a remote of DVC.
    measured = {key: value for key, value in result.environment.items() if key.startswith(("hardware.", "version."))}
    tags = {**measured, "sweep": sweep, "slot": slot, "strategy": each.label}
    name = f"{each.label}-{result.shape.compile}-{result.shape.key}"  # pages cut its end
    with store.run(name, f"`{each.label}` at {result.shape.key}", tags) as run:
        verdict = words.VERDICTS[each.verdict]
        run.log_config({"strategy": each.label, "verdict": verdict, **asdict(result.shape)})
        run.log_metrics((name, value, 0) for name, value in _metrics(each) if value is not None)


def _metrics(each: ContestantResult) -> Iterator[tuple[str, float | None]]:
    for name, seconds, speedup in (
        ("step", each.step_seconds, each.speedup),
        ("forward", each.forward_seconds, each.forward_speedup),
    ):
        yield f"{name}/microseconds", None if seconds is None else 1e6 * seconds
        bounds = (speedup.estimate, speedup.low, speedup.high) if speedup else (None, None, None)
        yield from zip((f"{name}/speedup", f"{name}/speedup_low", f"{name}/speedup_high"), bounds, strict=True)
    yield "prepare/trace_seconds", each.trace_seconds
    yield "prepare/compile_seconds", each.compile_seconds
    yield "prepare/first_call_seconds", each.first_call_seconds
    yield "prepare/loaded_call_seconds", each.loaded_call_seconds
    yield "prepare/break_even_steps", each.break_even_steps
    yield "throughput/time_steps_per_second", each.time_steps_per_second
    yield "throughput/gflops", each.gflops
    yield "throughput/share_of_peak", each.share_of_peak
    yield "memory/peak_mib", None if each.memory_bytes is None else each.memory_bytes / _MIB
    yield "memory/formula_mib", None if each.formula_bytes is None else each.formula_bytes / _MIB
    yield "graph/nodes", each.graph_nodes
    yield "graph/bytes", each.graph_bytes


def _peers_metrics(results: Sequence[ShapeResult]) -> Iterator[MetricRow]:
    for result in results:
        shape = result.shape
        work = f"process {result.trained}" if result.trained else "steps"
        place = f"{work} L{shape.layers}-S{shape.units}-B{shape.batch_size}-T{shape.window}"
        for each in result.contestants:
            if each.speedup is not None:
                yield f"{place}/{each.label}", each.speedup.inverse.estimate, 0
