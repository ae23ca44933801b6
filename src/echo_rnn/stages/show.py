"""What people see in the terminal besides progress bars."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import print as rich_print
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree


def show_tree(title: str, values: Mapping[str, Any]) -> None:
    """Prints a nested configuration."""
    tree = Tree(f"[bold]{escape(title)}")
    _grow(tree, values)
    rich_print(tree)


def show_rows(title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Prints a table whose rows have the same columns."""
    table = Table(*rows[0], title=escape(title))
    for row in rows:
        table.add_row(*map(escape, row.values()))
    rich_print(table)


def _grow(tree: Tree, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _grow(tree.add(escape(str(key))), value)
        else:
            tree.add(f"{escape(str(key))}: [bold]{escape(str(value))}")
