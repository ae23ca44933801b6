"""The page that walks through the article runs, and shows what it says it shows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.notebook import notebook, text

PAGE = Path(__file__).parents[2] / "docs/from_the_article.md"
ENDING = """
print(json.dumps({
    "ceiling": Echo(echo_step, rows).accuracy_ceiling(y_BN),
    "first_window": float(loss_EW[-5:, 0].mean()),
    "other_windows": float(loss_EW[-5:, 1:].mean()),
    "emptied": by_position_T.tolist(),
    "contestants": {name: len(values) for name, values in seconds.items()},
    "beyond_the_window": float(accuracy_W.mean()),
}))
"""


def test_the_notebook_is_the_page():
    assert PAGE.with_suffix(".ipynb").read_text(encoding="utf-8") == text(PAGE.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_the_page_says():
    cells = json.loads(PAGE.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    assert len(code) == len([cell for cell in notebook(PAGE.read_text())["cells"] if cell["cell_type"] == "code"]) > 9
    program = "\n".join(["import json", *code, ENDING])
    variables = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=variables, check=False)
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["ceiling"] == 0.9999
    assert found["first_window"] > 100 * found["other_windows"]
    assert max(found["emptied"][:3]) < 0.6 < min(found["emptied"][4:])
    assert found["beyond_the_window"] < 0.6
    assert found["contestants"] == dict.fromkeys(("static", "dynamic", "dynamic, compiled by XLA"), 10)
