"""What people see in the terminal besides progress bars."""

from collections.abc import Mapping, Sequence

from rich import print as rich_print
from rich.markup import escape
from rich.table import Table


def show_rows(title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Prints a table whose rows have the same columns."""
    table = Table(*rows[0], title=escape(title))
    for row in rows:
        table.add_row(*map(escape, row.values()))
    rich_print(table)
