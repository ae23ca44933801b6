"""Stage `report`: what the benchmark's samples say, as a page, pictures, numbers, and runs to compare."""

from dataclasses import asdict
from pathlib import Path

from echo_rnn.benchmark.formulas import stored_bytes
from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.benchmark.measure.records import Record, records_of
from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.statistics import results
from echo_rnn.benchmark.report.writer import write_report
from echo_rnn.config import Config, read
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.files import write_json
from echo_rnn.stages.benchmark_runs import log_sweep
from echo_rnn.stages.layout import STAGE, as_stage
from echo_rnn.stages.shapes import shapes_of


def report(config: Config, records: Path, folder: Path) -> None:
    """Derives everything from the records of the configured shapes, and logs it."""
    found = _records(config, records)
    derived = results(found, stored_bytes)
    summary, rows = words.summary(derived), words.table(derived)
    page, *pictures = write_report(config.sweep.name, config.sweep.description, derived, summary, rows, folder)
    write_json(folder / "results.json", [asdict(result) for result in derived])
    print(summary)
    print(f"report: {page}")
    log_sweep(config, derived, records, [page, *pictures], summary)


def _records(config: Config, folder: Path) -> list[Record]:
    """Those of this machine and code, or, where there are none, all of the last ones that are there."""
    wanted, own = set(shapes_of(config)), fingerprint()
    every = [record for record in records_of(folder) if record.shape in wanted]
    if not every:
        raise UserError(f"{folder}: expected records of the sweep {config.sweep.name}, got none; measure it first")
    if all(record.fingerprint != own for record in every):
        print("the records are of another machine or other code than this: the latest of them are reported")
        own = max(every, key=lambda record: float(record.environment["process.start"])).fingerprint
    return [record for record in every if record.fingerprint == own]


if __name__ == "__main__":
    with one_sentence():
        report(read(as_stage().config), STAGE.records, STAGE.benchmark)
