"""The report of a benchmark: one HTML file that needs nothing else, and its pictures as files beside it.

The page loads nothing and runs nothing, which its own content security policy also says; all text that comes from
data is escaped. It is read on a phone as well as on paper.
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from echo_rnn.benchmark.records import REFERENCE
from echo_rnn.benchmark.results import ShapeResult
from echo_rnn.files import write_text
from echo_rnn.plots import save
from echo_rnn.plots.benchmark import PICTURES, Picture
from echo_rnn.plots.benchmark.panels import named, shared, varying

Row = Mapping[str, object]
"""A line of the table of numbers: by the name of its column, text as it is to be shown."""

PAGE = "report.html"
_NOTHING = "–"
_MANY = 12  # shapes; a longer list is folded
# What differs from process to process says nothing of the machine.
_PRIVATE = ("process.", "dvc.")


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
        _section("summary", "In short", _paragraphs(summary)),
        _section("trust", "How far to trust it", _trust(results)),
        *(_section(picture.name, picture.title, _figure(picture, path)) for picture, path in shown),
        _section("numbers", "All numbers", _numbers(results, rows)),
        _section("machine", "Machine and versions", _machine(results)),
        _section("method", "How it was measured", _method(results)),
    ]
    write_text(page, _page(f"Benchmark: {name}", description, sections))
    for path in absent:
        path.unlink(missing_ok=True)
    return [page, *(path for _, path in shown)]


def _page(title: str, description: str, sections: Sequence[str]) -> str:
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>{escape(title)}</title>
<style>
{_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>{escape(title)}</h1>
<p class="lead">{escape(description)}</p>
</header>
{"".join(sections)}</main>
</body>
</html>
"""


def _section(name: str, title: str, content: str) -> str:
    return f'<section id="{escape(name)}">\n<h2>{escape(title)}</h2>\n{content}\n</section>\n'


def _paragraphs(text: str) -> str:
    return "\n".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())


def _listed(sentences: Sequence[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{escape(each)}</li>" for each in sentences) + "\n</ul>"


def _figure(picture: Picture, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    alternative = f"{picture.title}: a chart; its numbers stand in the table below."
    return (
        f'<figure>\n<div class="wide"><img src="data:image/png;base64,{data}" alt="{escape(alternative)}"></div>\n'
        f"<figcaption>{escape(picture.reading)} <small>{escape(path.name)}</small></figcaption>\n</figure>"
    )


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
            f"differ from those of {REFERENCE} by more than rounding.</p>\n{_listed(wrong)}\n</div>"
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
        listed = _listed(doubts)
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
    return f"{same}{_table(rows, 'Every strategy at every shape')}\n{_table(controls, f'{REFERENCE} against itself')}"


def _table(rows: Sequence[Row], caption: str) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    classes = [' class="word"' if _words(rows, column) else "" for column in columns]
    head = "".join(f'<th scope="col"{kind}>{escape(each)}</th>' for each, kind in zip(columns, classes, strict=True))
    lines = []
    for row in rows:
        first, *others = [_cell(row.get(column)) for column in columns] or [""]
        cells = "".join(f"<td{kind}>{each}</td>" for each, kind in zip(others, classes[1:], strict=True))
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}">\n<table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody>\n</table>\n</div>"
    )


def _words(rows: Sequence[Row], column: str) -> bool:
    """Whether a column holds words, which are read from the left; numbers are compared from the right."""
    return all(str(row.get(column, ""))[:1].isalpha() for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return _NOTHING
    return escape(f"{value:.4g}" if isinstance(value, float) else str(value))


def _machine(results: Sequence[ShapeResult]) -> str:
    found: dict[str, list[str]] = {}
    for result in results:
        for key, value in sorted(result.environment.items()):
            values = found.setdefault(key, [])
            if value not in values:
                values.append(value)
    facts = "\n".join(
        f"<div><dt>{escape(key)}</dt><dd>{escape('; '.join(values))}</dd></div>"
        for key, values in sorted(found.items())
        if not key.startswith(_PRIVATE)
    )
    return f"<dl>\n{facts}\n</dl>" if facts else "<p>Not recorded.</p>"


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


_STYLE = """\
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #222; font: 1rem/1.55 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 1rem 0 0.3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 0.6rem; padding-top: 0.8rem; border-top: 1px solid #d9d9d9; }
p, li, figcaption, dl { max-width: 48rem; }
p, li { overflow-wrap: anywhere; }
.lead { font-size: 1.1rem; color: #555; margin-top: 0; }
#summary h2 { border: 0; margin-top: 1rem; padding-top: 0; }
#summary { background: #f3f7fa; border-left: 4px solid #0072b2; padding: 0.6rem 1.25rem; }
.alarm { border: 2px solid #b34700; padding: 0 1rem; margin: 1rem 0; }
.wide { overflow-x: auto; }
figure { margin: 0; }
img { display: block; width: 100%; min-width: 40rem; height: auto; }
figcaption { color: #555; font-size: 0.95rem; margin-top: 0.5rem; }
small { color: #6b6b6b; white-space: nowrap; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.4rem; }
th, td { padding: 0.25rem 0.7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e5e5e5; }
thead th { white-space: normal; vertical-align: bottom; border-bottom: 2px solid #6b6b6b; }
.word { text-align: left; }
tr > :first-child { text-align: left; font-weight: 600; position: sticky; left: 0; background: #fff; }
tbody tr:hover > * { background: #f3f7fa; }
dl div { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: 0.15rem 0; border-bottom: 1px solid #eee; }
dt { flex: 0 0 14rem; color: #555; }
dd { margin: 0; flex: 1 1 16rem; overflow-wrap: anywhere; }
@page numbers { size: A4 landscape; margin: 10mm; }
@media print {
  html { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  figure, tr, .alarm { break-inside: avoid; }
  h2 { break-after: avoid; }
  img { min-width: 0; }
  .wide { overflow: visible; }
  #numbers { page: numbers; }
  table { font-size: 6.5pt; }
  th, td { padding: 1pt 3pt; white-space: normal; }
  tr > :first-child { position: static; }
}
"""
