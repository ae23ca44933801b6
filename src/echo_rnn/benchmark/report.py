"""The report of a benchmark: one HTML file that needs nothing else, and its pictures as files beside it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from echo_rnn.benchmark.results import ShapeResult
from echo_rnn.files import write_text
from echo_rnn.plots import save
from echo_rnn.plots.benchmark import PICTURES, Picture

Value = str | int | float | None
Row = Mapping[str, Value]
"""A line of the table of numbers: by the name of its column; `None` where there is no number."""

PAGE = "report.html"


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
    for picture in PICTURES:
        path = folder / f"{picture.name}.png"
        figure = picture.draw(results)
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            save(figure, path)
            shown.append((picture, path))
    page = folder / PAGE
    write_text(page, _page(name, description, results, summary, rows, shown))
    return [page, *(path for _, path in shown)]


def _page(
    name: str,
    description: str,
    results: Sequence[ShapeResult],
    summary: str,
    rows: Sequence[Row],
    shown: Iterable[tuple[Picture, Path]],
) -> str:
    figures = "\n".join(_figure(picture, path) for picture, path in shown)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(name)}</title>
</head>
<body>
<h1>{escape(name)}</h1>
<p>{escape(description)}</p>
<p>{escape(summary)}</p>
{figures}
{_table(rows)}
</body>
</html>
"""


def _figure(picture: Picture, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure>\n<img src="data:image/png;base64,{data}" alt="{escape(picture.title)}">\n'
        f"<figcaption>{escape(picture.reading)}</figcaption>\n</figure>"
    )


def _table(rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(str(row.get(column, '')))}</td>" for column in columns) + "</tr>" for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
