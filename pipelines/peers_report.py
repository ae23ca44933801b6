"""What a comparison with peers says: a table in the terminal, files, and a run in the tracking store."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import print as rich_print
from rich.markup import escape
from rich.table import Table

from echo_rnn.benchmark.measure.records import Record, records_of
from echo_rnn.config import Config
from echo_rnn.errors import UserError
from echo_rnn.peers import words
from echo_rnn.peers.report import write_report
from echo_rnn.peers.results import Comparison, compare
from echo_rnn.stages.store import store_of
from echo_rnn.tracking import BENCHMARK_NOTE, MetricRow

_SHOWN = ("contestant", "training step", "of our best's", "first losses after")


def report_peers(config: Config, records: Path, mark: str, folder: Path) -> None:
    """Derives everything from the records of one fingerprint, shows it and logs it once.

    Raises:
        UserError: There are no records.
    """
    found = [record for record in records_of(records) if record.fingerprint == mark]
    comparisons = compare(found)
    if not comparisons:
        raise UserError(f"{records}: expected records of this machine and code, got none; measure first")
    files = write_report(comparisons, folder)
    _show(comparisons)
    print(f"report: {files[0]}")
    _log(config, comparisons, found, files)


def _show(comparisons: Sequence[Comparison]) -> None:
    for comparison in comparisons:
        table = Table(*_SHOWN, title=words.named(comparison))
        for row in words.table([comparison]):
            table.add_row(*(escape(str(row[name])) for name in _SHOWN))
        rich_print(table)
        for standing in comparison.standings:
            if standing.entry.trouble:
                print(f"not timed: {standing.entry.name}: {standing.entry.trouble}")


def _log(config: Config, comparisons: Sequence[Comparison], found: Sequence[Record], files: Sequence[Path]) -> None:
    store = store_of(config.tracking, suffix="-benchmark", note=BENCHMARK_NOTE)
    tag = {"peers": hashlib.sha256(repr(found).encode()).hexdigest()[:8]}
    if store.tagged(tag):
        return
    text = "\n\n".join(map(words.sentences, comparisons))
    with store.run("peers", text, tag | {"kind": "peers"}) as run:
        run.log_metrics(_metrics(comparisons))
        for file in files:
            run.log_artifact(file, "report")


def _metrics(comparisons: Sequence[Comparison]) -> Iterator[MetricRow]:
    for comparison in comparisons:
        shape = comparison.shape
        work = f"{comparison.work} {comparison.trained}".rstrip()
        place = f"{work} L{shape.layers}-S{shape.units}-B{shape.batch_size}-T{shape.window}"
        for standing in comparison.standings:
            if standing.ratio is not None:
                yield f"{place}/{standing.entry.name}", standing.ratio.estimate, 0
