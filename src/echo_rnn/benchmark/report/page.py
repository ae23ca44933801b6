"""The page of a report: one HTML file that needs nothing else.

It loads nothing and runs nothing, which its own content security policy also forbids; all text is escaped by the
template. It is read on a phone as well as on paper. Answer, table of verdicts, pictures, numbers: in this order.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.answer import Answer
from echo_rnn.benchmark.report.grid import shared
from echo_rnn.files import write_text

_TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Picture:
    """A picture of the page.

    Attributes:
        title: What it shows.
        reading: How to read it.
        path: A PNG file; its content becomes part of the page.
    """

    title: str
    reading: str
    path: Path

    @property
    def data(self) -> str:
        """The file as the source of an image."""
        return f"data:image/png;base64,{base64.b64encode(self.path.read_bytes()).decode()}"


def write_page(path: Path, title: str, answer: Answer, pictures: Sequence[Picture]) -> None:
    """Writes the page, atomically; the same input gives the same bytes.

    Args:
        path: The file.
        title: Of the browser's window.
        answer: Stands on top.
        pictures: In their order.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        answer=answer,
        results=answer.results,
        pictures=pictures,
        words=words,
        shared=shared,
        holds_words=_holds_words,
    )
    write_text(path, page)


def _holds_words(rows: Sequence[words.Row], column: str) -> bool:
    """Whether a column is read from the left; numbers are compared from the right."""
    return all(row[column][:1].isalpha() for row in rows)
