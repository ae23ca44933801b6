"""Which strategies a shape can be measured with, in one sentence each."""

import subprocess
import sys

import pytest

from echo_rnn.benchmark.measure.shape import refusal, require_strategies
from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.errors import UserError
from tests.benchmark.shapes import tiny


@pytest.mark.parametrize("label", [*labels(), "partial12", "checkpointed7"])
def test_a_label_names_its_section(label):
    assert get_strategy(label).label == label
    assert refusal(tiny(), label) is None


@pytest.mark.parametrize(
    "label", ["", "dynamik", "partial", "partial0", "partial05", "checkpointed0", "DYNAMIC", "auto"]
)
def test_an_unknown_strategy_is_one_sentence(label):
    with pytest.raises(UserError, match=rf"expected one of dynamic, static, .* got '{label}'") as refused:
        require_strategies(tiny(), ["dynamic", label])
    assert refused.value.code == "strategy.unknown"


@pytest.mark.parametrize("changes", [{"cell": "gru"}, {"compile": "xla"}, {"precision": "bfloat16"}])
def test_a_refused_combination_is_one_sentence(changes):
    with pytest.raises(UserError, match=r"any strategy but block.* got 'block' for ") as caught:
        require_strategies(tiny(**changes), ["dynamic", "block"])
    assert caught.value.code == "strategy.refused"
    assert "\n" not in str(caught.value)


def test_asking_does_not_start_tensorflow():
    names = ("shape", "ours", "session", "whole", "plan", "memory", "fingerprint")
    imports = "".join(f"import echo_rnn.benchmark.measure.{name}\n" for name in names)
    code = f"import sys\n{imports}sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
