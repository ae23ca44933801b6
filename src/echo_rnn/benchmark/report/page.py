"""The page of a report: one HTML file that needs nothing else.

It loads nothing and runs nothing, which its own content security policy also forbids; all text is escaped by the
template. It is read on a phone as well as on paper. Answer, table of verdicts, pictures, numbers: in this order.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.answer import Answer
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


@dataclass(frozen=True)
class Table:
    """Rows with the same columns."""

    caption: str
    rows: Sequence[Mapping[str, str]]

    def holds_words(self, column: str) -> bool:
        """Whether a column is read from the left; numbers are compared from the right."""
        return all(row[column][:1].isalpha() for row in self.rows)


@dataclass(frozen=True)
class Section:
    """A part below the pictures.

    Attributes:
        name: Its anchor.
        title: Its heading.
        paragraphs: Text.
        alarm: What must not be overlooked; empty for nothing.
        doubts: A list, folded where it is long.
        tables: Tables.
        facts: Names and values.
    """

    name: str
    title: str
    paragraphs: Sequence[str] = ()
    alarm: str = ""
    doubts: Sequence[str] = ()
    tables: Sequence[Table] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def write_page(
    path: Path, title: str, answer: Answer, pictures: Sequence[Picture], sections: Sequence[Section], caption: str
) -> None:
    """Writes the page, atomically; the same input gives the same bytes.

    Args:
        path: The file.
        title: Of the browser's window.
        answer: Stands on top.
        pictures: In their order.
        sections: What follows them.
        caption: Of the table of verdicts.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        question=answer.question,
        sentences=words.sentences(answer),
        verdicts=Table(caption, words.verdict_rows(answer)),
        pictures=pictures,
        sections=sections,
    )
    write_text(path, page)
