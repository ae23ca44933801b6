"""What people see in the terminal besides progress bars."""

from collections.abc import Mapping, Sequence

from rich import print as rich_print
from rich.markup import escape
from rich.table import Table

_NAMED = 30  # of 80 characters


def show_rows(title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Prints a table whose rows have the same columns; nothing is cut where the terminal is narrow."""
    table = Table(title=escape(title))
    first, *others = rows[0]
    # What tells rows apart is broken last.
    table.add_column(first, overflow="fold", min_width=min(_NAMED, max(len(row[first]) for row in rows)))
    for column in others:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row.values()))
    rich_print(table)
