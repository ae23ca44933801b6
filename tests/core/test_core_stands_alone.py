"""`core` needs TensorFlow, Keras, NumPy and the standard library only, and the Keras layer nothing else of ours."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/echo_rnn"
LIBRARIES = {"tensorflow", "keras", "numpy"}
ROOMS = {"core": {"core"}, "keras_layer": {"core", "keras_layer"}}


def imported(file):
    """The modules that a file imports, within functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield node.module


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_its_libraries_and_nothing_above_it(room):
    files = list((SOURCE / room).rglob("*.py"))
    assert files
    for file in files:
        for module in imported(file):
            first, _, rest = module.partition(".")
            allowed = first in LIBRARIES | sys.stdlib_module_names or (
                first == "echo_rnn" and rest.partition(".")[0] in ROOMS[room]
            )
            assert allowed, f"{file} imports {module}"


def test_the_layer_loads_no_library_of_the_pipeline_and_nothing_else_of_ours():
    code = "import sys; from echo_rnn.keras_layer import Unrolled; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = answer.stdout.split()
    assert "tensorflow" in loaded
    assert not {"hydra", "omegaconf", "pydantic", "mlflow", "dvc"} & {name.partition(".")[0] for name in loaded}
    ours = {name.split(".")[1] for name in loaded if name.startswith("echo_rnn.")}
    assert ours == {"core", "keras_layer"}


def test_the_tables_are_read_without_tensorflow():
    code = "import sys; import echo_rnn.core.strategies, echo_rnn.core.cell_table; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"tensorflow", "keras"} & set(answer.stdout.split())
