"""The report of a benchmark: one HTML file that needs nothing else, and its pictures as files beside it."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from echo_rnn.benchmark.measure.records import REFERENCE
from echo_rnn.benchmark.report.growth import WORK, growths
from echo_rnn.benchmark.report.page import Row, bullets, document, facts, image, paragraphs, section, table
from echo_rnn.benchmark.report.results import ShapeResult
from echo_rnn.files import write_text
from echo_rnn.plots import save
from echo_rnn.plots.benchmark import PICTURES, Picture
from echo_rnn.plots.benchmark.panels import AXES, named, shared, varying

PAGE = "report.html"
_MANY = 12  # shapes; a longer list is folded
_SIZES = ("layers", "units", "batch_size", "window")


def write_report(
    name: str, description: str, results: Sequence[ShapeResult], summary: str, rows: Sequence[Row], folder: Path
) -> list[Path]:
    """Writes the page and its pictures; the same input gives the same bytes.

    Pictures of an earlier report that this one does not have are deleted, so that none stands beside the wrong page.

    Args:
        name: Of the sweep.
        description: What it asks.
        results: What was measured.
        summary: What won where, in plain words; an empty line starts a new paragraph.
        rows: The table of all numbers.
        folder: Where the files go; created where missing.

    Returns:
        The page, then the pictures.
    """
    shown: list[tuple[Picture, Path]] = []
    absent: list[Path] = []
    for picture in PICTURES:
        path = folder / f"{picture.name}.png"
        figure = picture.draw(results)
        if figure is None:
            absent.append(path)
        else:
            save(figure, path)
            shown.append((picture, path))
    page = folder / PAGE
    sections = [
        section("summary", "In short", paragraphs(summary)),
        section("trust", "How far to trust it", _trust(results)),
        *(section(picture.name, picture.title, _figure(picture, path)) for picture, path in shown),
        *_growth(results),
        section("numbers", "All numbers", _numbers(results, rows)),
        section("machine", "Machine and versions", facts([result.environment for result in results])),
        section("method", "How it was measured", _method(results)),
    ]
    write_text(page, document(f"Benchmark: {name}", description, sections))
    for path in absent:
        path.unlink(missing_ok=True)
    return [page, *(path for _, path in shown)]


def _figure(picture: Picture, path: Path) -> str:
    return image(path, f"{picture.title}: a chart; its numbers stand in the table below.", picture.reading)


def _trust(results: Sequence[ShapeResult]) -> str:
    """Wrong strategies, the A/A control and the reasons for doubt."""
    parts = []
    fields = varying(results)
    wrong = [
        f"{strategy.label}{_at(result, fields)}: largest error {strategy.largest_error:.2g}"
        for result in results
        for strategy in result.strategies
        if strategy.verdict == "wrong"
    ]
    if wrong:
        parts.append(
            f'<div class="alarm">\n<p><strong>Wrong, and therefore not timed:</strong> outputs, states or gradients '
            f"differ from those of {REFERENCE} by more than rounding.</p>\n{bullets(wrong)}\n</div>"
        )
    parts.append(f"<p>{escape(_control(results))}</p>")
    missed = [
        f"The control misses 1{_at(result, fields)}: {_interval(result)}."
        for result in results
        if not _holds_one(result)
    ]
    noise = [
        f"{sentence}{f' ({named(result.shape, fields)})' if fields else ''}"
        for result in results
        for sentence in result.noise
    ]
    doubts = missed + noise
    if doubts:
        listed = bullets(doubts)
        title = f"{len(doubts)} reasons not to trust small differences"
        many = f"<details>\n<summary>{title}</summary>\n{listed}\n</details>"
        parts.append(many if len(doubts) > _MANY else listed)
    elif results:
        parts.append("<p>No sign of a noisy machine was seen.</p>")
    return "\n".join(parts)


def _control(results: Sequence[ShapeResult]) -> str:
    what = (
        f"A/A control: {REFERENCE} was measured a second time as if it were another strategy, so that the ratio should "
        "be 1."
    )
    if len(results) <= 1:
        found = "".join(f" Its 95 % interval is {_interval(result)}." for result in results)
        return what + found
    holding = sum(_holds_one(result) for result in results)
    return (
        f"{what} Its 95 % interval holds 1 at {holding} of {len(results)} shapes; by chance alone about "
        f"{0.05 * len(results):.1f} would miss it."
    )


def _growth(results: Sequence[ShapeResult]) -> list[str]:
    """The exponents of time, where shapes vary one size at a time."""
    rows = [
        {
            "strategy": found.label,
            "along": AXES[found.field],
            "at": named(found.shape, [field for field in _SIZES if field != found.field]),
            "from": found.values[0],
            "to": found.values[-1],
            "exponent": f"{found.exponent.estimate:.2f} ({found.exponent.low:.2f} to {found.exponent.high:.2f})",
            "of the work": WORK[found.field],
        }
        for found in growths(results)
    ]
    if not rows:
        return []
    text = (
        "Slope of the logarithm of a training step's time over that of the size, by least squares, with its 95 % "
        "interval, beside the power with which the matrix products grow where the size is large. Smaller is better."
    )
    content = f"{paragraphs(text)}\n{table(rows, 'How time grows with each size')}"
    return [section("growth", "How time grows", content)]


def _numbers(results: Sequence[ShapeResult], rows: Sequence[Row]) -> str:
    fields = varying(results)
    controls = [
        {
            "shape": named(result.shape, fields) if fields else shared(results),
            "A/A control": f"{result.control.estimate:.3f}",
            "from": f"{result.control.low:.3f}",
            "to": f"{result.control.high:.3f}",
            "holds 1": "yes" if _holds_one(result) else "no",
            "processes": f"{result.processes}",
            "rounds": f"{result.rounds}",
        }
        for result in results
    ]
    same = f"<p>All shapes: {escape(shared(results))}.</p>\n" if results else ""
    return f"{same}{table(rows, 'Every strategy at every shape')}\n{table(controls, f'{REFERENCE} against itself')}"


def _method(results: Sequence[ShapeResult]) -> str:
    processes, rounds = ([getattr(result, field) for result in results] for field in ("processes", "rounds"))
    amount = f"{_range(rounds)} rounds in {_range(processes)} processes for each shape" if results else "several rounds"
    text = (
        f"First every strategy ran a few training steps from the same weights on the same data; one whose results "
        f"differ from those of {REFERENCE} by more than rounding is reported as wrong and not timed. The others were "
        f"timed in rounds, all strategies right after each other in a random order: {amount}, every process a fresh "
        f"one. A timed call runs as many steps as fill a minimum time, on inputs that are no constants, and ends when "
        f"its results are there; warm-up is left out. A speed-up is the time of {REFERENCE} over that of the strategy "
        f"in the same round, so that what slows the machine for a while slows both; its 95 % interval covers the "
        f"scatter of rounds and that of processes. A difference is called faster or slower only where the interval "
        f"excludes 1 and the difference is larger than what the A/A control shows. Peak memory was measured in a "
        f"process for each strategy alone. Every raw sample is kept, and all numbers here are derived from them."
    )
    return f"<p>{escape(text)}</p>"


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def _at(result: ShapeResult, fields: Sequence[str]) -> str:
    return f" at {named(result.shape, fields)}" if fields else ""


def _interval(result: ShapeResult) -> str:
    control = result.control
    return f"{control.estimate:.3f} ({control.low:.3f} to {control.high:.3f})"


def _holds_one(result: ShapeResult) -> bool:
    return result.control.low <= 1 <= result.control.high
