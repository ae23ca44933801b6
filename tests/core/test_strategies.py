"""One entry in the table of strategies, or of cells, is all that a new one needs."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from drawings import STRATEGIES as DRAWN
from pydantic import ValidationError

from echo_rnn.benchmark.measure.shape import refusal, require_strategies, stored_bytes, written_out
from echo_rnn.config.schema import Config
from echo_rnn.core import cell_table, strategies
from echo_rnn.core.cell_table import CELLS, CellKind
from echo_rnn.core.cells.rnn import Rnn
from echo_rnn.core.compilation import STEPS_BYTES, WINDOWS_BYTES, fused_loop_bytes
from echo_rnn.core.strategies import STRATEGIES, Strategy, get_strategy, labels
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.errors import UserError
from echo_rnn.stages.choose import candidates
from tests.benchmark.shapes import tiny

PAGE = Path(__file__).parents[2] / "docs/unrolling.md"


@dataclass(frozen=True)
class Toy:
    """A strategy as far from the others as a test needs."""

    steps: int

    def __call__(self, *arguments):
        return dynamic(*arguments)


class ToyCell(Rnn):
    """A cell of a name of its own."""


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(
        STRATEGIES,
        "toy",
        Strategy(
            name="toy",
            summary="What a test adds.",
            implementation=f"{__name__}:Toy",
            option="steps",
            option_type=int,
            suffixes={},
            numbered=True,
            labels=("toy3",),
            auto=True,
            cells=("lstm",),
            limited="a toy for LSTM layers",
            nearest="static",
            stored=lambda cell, layers, steps, option: option * layers * steps,
            written_out=lambda steps, option: option,
        ),
    )


@pytest.fixture
def tree():
    from echo_rnn.config import compose  # noqa: PLC0415

    root = Path(__file__).parents[2]
    return compose(root / "params.yaml", root / "conf").tree


@pytest.mark.usefixtures("toy")
def test_a_toy_strategy_is_in_every_list(tree):
    config = Config.model_validate(tree | {"unroll": {"name": "toy", "steps": 3}})
    assert config.unroll.label == "toy3"
    assert config.unroll.unrolling.load() == Toy(3)
    with pytest.raises(ValidationError):
        Config.model_validate(tree | {"unroll": {"name": "toy", "steps": "three"}})
    sweep = tree["sweep"] | {"strategies": ["toy5"]}
    assert Config.model_validate(tree | {"sweep": sweep}).sweep.strategies == ["toy5"]

    assert "toy3" in labels()
    assert "toyK" in strategies.label_forms()
    assert "toy3" in candidates(tiny())
    assert "for cell = gru any strategy but toy, a toy for LSTM layers; static" in refusal(tiny(cell="gru"), "toy3")
    require_strategies(tiny(), ["toy3"])
    assert stored_bytes(tiny(layers=2, window=4, batch_size=2, units=3), "toy3") == 3 * 2 * 4 * 2 * 3 * 4
    assert written_out(tiny(layers=2), "toy3") == 6
    assert fused_loop_bytes([4], get_strategy("toy3")) == STEPS_BYTES < WINDOWS_BYTES


@pytest.mark.usefixtures("toy")
def test_a_toy_strategy_runs_in_the_keras_layer():
    import numpy as np  # noqa: PLC0415

    from echo_rnn.keras_layer import Unrolled  # noqa: PLC0415

    assert Unrolled(4, unroll="toy3")(np.zeros((2, 5, 1), np.float32)).shape == (2, 4)
    with pytest.raises(UserError) as refused:
        Unrolled(4, "gru", unroll="toy3")
    assert refused.value.code == "strategy.refused"


def test_a_toy_cell_is_in_every_list(monkeypatch, tree):
    kind = CellKind(
        name="toy",
        summary="What a test adds.",
        implementation=f"{__name__}:ToyCell",
        gates=1,
        stored=2,
        residuals=1,
        state_parts=1,
    )
    monkeypatch.setitem(CELLS, "toy", kind)
    model = {name: value for name, value in tree["model"].items() if name != "forget_bias"} | {"cell": "toy"}
    grids = [grid | {"cell": "toy"} for grid in tree["sweep"]["grids"]]
    config = Config.model_validate(tree | {"model": model, "sweep": tree["sweep"] | {"grids": grids}})

    from echo_rnn.core.cells import build_cells  # noqa: PLC0415

    assert build_cells(config.model.stack) == tuple(ToyCell(units) for units in config.model.sizes)
    assert config.sweep.grids[0].cell == ["toy"]
    assert "toy" in cell_table.known_cells()
    assert stored_bytes(tiny(cell="toy"), "dynamic") == stored_bytes(tiny(cell="rnn"), "dynamic")
    require_strategies(tiny(cell="toy"), ["deferred"])
    with pytest.raises(UserError):
        require_strategies(tiny(cell="toy"), ["block"])


@pytest.mark.parametrize("label", [*labels(), "partial1", "checkpointed12"])
def test_a_label_is_read_as_it_is_written(label):
    assert get_strategy(label).label == label


@pytest.mark.parametrize("label", ["", "wave", "partial", "partial0", "partial05", "keras2", "static_", "auto"])
def test_what_is_no_label_is_refused_with_all_forms(label):
    with pytest.raises(UserError) as refused:
        get_strategy(label)
    assert refused.value.code == "strategy.unknown"
    assert all(name in str(refused.value) for name in STRATEGIES)


def test_documentation_names_and_draws_every_strategy():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in STRATEGIES if not re.search(rf"\b{name}\b", text)] == []
    own = {name for name in STRATEGIES if not name.endswith("_rnn")}  # the article's are drawn as ours
    assert own == set(DRAWN)


def test_the_tables_are_read_without_tensorflow():
    code = (
        "import sys, echo_rnn.core.strategies, echo_rnn.core.compilation\n"
        "sys.exit(bool({'tensorflow', 'keras', 'numpy', 'pydantic', 'hydra'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
