"""A page of documentation as a notebook: its text as cells of text, its Python as cells of code.

python -m docs.notebook PAGE.md     writes PAGE.ipynb beside it
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

# Format 4.5 of Jupyter's notebooks: https://nbformat.readthedocs.io/en/latest/format_description.html
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(page: str) -> dict[str, Any]:
    """The notebook of a page, as JSON has it.

    Args:
        page: Markdown, in which fences marked `python` are code.
    """
    cells: list[dict[str, Any]] = []
    for position, piece in enumerate(re.split(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)):
        if source := piece.strip("\n"):
            code = {"cell_type": "code", "execution_count": None, "outputs": []}
            kind: dict[str, Any] = code if position % 2 else {"cell_type": "markdown"}
            cells.append({"id": f"cell-{len(cells)}", "metadata": {}, "source": source, **kind})
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": _KERNEL}, "cells": cells}


def text(page: str) -> str:
    """The file of the notebook of a page."""
    return json.dumps(notebook(page), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.with_suffix(".ipynb").write_text(text(path.read_text(encoding="utf-8")), encoding="utf-8")
