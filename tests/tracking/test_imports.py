"""MLflow is imported in `tracking` only, and only when a store is opened."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [file for folder in ("src", "pipelines") for file in sorted((ROOT / folder).rglob("*.py"))]


def imported(file):
    """The libraries that a file imports anywhere."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_mlflow_is_imported_in_tracking_only():
    rooms = {file.parent for file in SOURCES if "mlflow" in imported(file)}
    assert rooms == {ROOT / "src" / "echo_rnn" / "tracking"}


@pytest.mark.parametrize(
    ("opens", "absent"),
    [(False, ["mlflow", "sqlalchemy", "tensorflow", "keras"]), (True, ["tensorflow", "keras"])],
)
def test_heavy_imports_wait_until_they_are_needed(opens, absent, store, tmp_path):
    code = "import sys, pathlib, echo_rnn.tracking as tracking\n"
    if opens:
        code += "with tracking.open_store(None, 'echo', pathlib.Path(sys.argv[1])).run('n', 'd', {}): pass\n"
    code += f"print([name for name in {absent} if name in sys.modules])"
    command = [sys.executable, "-c", code, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
    assert answer.stderr == "", "MLflow is silent"
