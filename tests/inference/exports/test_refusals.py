"""What a format cannot hold is refused from the configuration alone, with a code, and nothing is written."""

from typing import get_args

import pytest

from echo_rnn.config.schema import ExportName
from echo_rnn.inference.exports import EXPORTS, require_exportable, write
from tests.inference.networks import ends, network, section
from tests.refusals import refused

AMP = {"inputs": 1, "outputs": 1}
REFUSED = [
    ("rtneural", section("rnn"), ends()),
    ("rtneural", section("gru_before"), ends()),
    ("rtneural", section("custom"), ends()),
    ("rtneural", section(), ends(residual=True)),
    ("aidax", section("lstm", (8, 8)), ends(**AMP)),
    ("aidax", section("lstm", (10,)), ends(**AMP)),
    ("aidax", section("lstm", (8,)), ends(1, 2)),
    ("aidax", section("lstm", (8,)), ends(4, 1)),
    ("aidax", section("lstm", (8,)), ends(1, 2, "classes")),
    ("nam", section("gru_after", (4,)), ends(**AMP)),
    ("nam", section("lstm", (4, 5)), ends(**AMP)),
    ("nam", section("lstm", (4,)), ends(2, 1)),
    ("nam", section("lstm", (4,)), ends(1, 2)),
    ("nam", section("lstm", (4,)), ends(1, 2, "classes")),
    ("nam", section("lstm", (4,)), ends(**AMP, residual=True)),
    *((name, section("lstm", (8,), "bfloat16"), ends(**AMP)) for name in EXPORTS),
]


@pytest.mark.parametrize(("name", "layers", "its"), REFUSED)
def test_a_network_that_a_format_cannot_hold_is_refused(name, layers, its):
    with refused("export.refused", name):
        require_exportable([name], layers.stack, its)


def test_every_format_holds_an_amplifier():
    require_exportable(list(EXPORTS), section("lstm", (8,)).stack, ends(**AMP))


def test_a_format_that_is_none_is_refused():
    with refused("export.unknown_format", "onnx"):
        require_exportable(["onnx"], section().stack, ends())


def test_one_refused_format_leaves_nothing_written(tmp_path):
    with refused("export.refused", "nam"):
        write(network(), ["rtneural", "nam"], tmp_path / "exports")
    assert not (tmp_path / "exports").exists()


def test_the_configuration_knows_every_format():
    assert set(get_args(ExportName)) == set(EXPORTS)
