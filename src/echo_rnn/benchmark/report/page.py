"""A page: one HTML file that needs nothing else.

It loads nothing and runs nothing, which its own content security policy also says; all text that comes from data is
escaped. It is read on a phone as well as on paper.
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

Row = Mapping[str, object]
"""A line of a table: by the name of its column, text as it is to be shown."""

_NOTHING = "–"
# What differs from process to process says nothing of the machine.
_PRIVATE = ("process.", "dvc.")


def document(title: str, description: str, sections: Sequence[str]) -> str:
    """The whole page.

    Args:
        title: Its title.
        description: A line below it.
        sections: From `section`.
    """
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


def section(name: str, title: str, content: str) -> str:
    """A part with its heading; `content` is HTML, `name` its anchor."""
    return f'<section id="{escape(name)}">\n<h2>{escape(title)}</h2>\n{content}\n</section>\n'


def paragraphs(text: str) -> str:
    """Plain text; an empty line starts a new paragraph."""
    return "\n".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())


def bullets(sentences: Sequence[str]) -> str:
    """Sentences as a list."""
    return "<ul>\n" + "\n".join(f"<li>{escape(each)}</li>" for each in sentences) + "\n</ul>"


def image(path: Path, alternative: str, caption: str) -> str:
    """A picture within the page.

    Args:
        path: The picture, a PNG file.
        alternative: What it is, for who cannot see it.
        caption: How to read it.
    """
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure>\n<div class="wide"><img src="data:image/png;base64,{data}" alt="{escape(alternative)}"></div>\n'
        f"<figcaption>{escape(caption)} <small>{escape(path.name)}</small></figcaption>\n</figure>"
    )


def facts(environments: Sequence[Mapping[str, str]]) -> str:
    """Machine and versions; where several environments differ, all values are named."""
    found: dict[str, list[str]] = {}
    for environment in environments:
        for key, value in sorted(environment.items()):
            values = found.setdefault(key, [])
            if value not in values:
                values.append(value)
    lines = "\n".join(
        f"<div><dt>{escape(key)}</dt><dd>{escape('; '.join(values))}</dd></div>"
        for key, values in sorted(found.items())
        if not key.startswith(_PRIVATE)
    )
    return f"<dl>\n{lines}\n</dl>" if lines else "<p>Not recorded.</p>"


def table(rows: Sequence[Row], caption: str) -> str:
    """A table with a column for each name that a row has."""
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
