"""docs/reliability.md names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"\[`(\w+)`\]\(\.\./(tests/[\w/]+\.py)\)", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not re.match(r"\| (Fault|---)", line)]


def test_every_row_names_a_test():
    assert len(ROWS) > 20
    assert [row for row in ROWS if not re.search(r"\[`test_\w+`\]", row)] == []


def test_whatever_looks_like_a_test_is_a_link_to_it():
    assert sorted(set(re.findall(r"\btest_\w+(?!\.py)\b(?=`)", PAGE))) == sorted({name for name, _ in NAMED})


@pytest.mark.parametrize(("name", "file"), NAMED)
def test_named_test_exists(name, file):
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
