"""What is written is read again."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from echo_rnn.config import Composition, Config, read

MODELS, OPTIMIZERS = ["lstm", "gru", "custom"], ["adagrad", "adam", "ftrl", "adafactor"]


@pytest.fixture
def trees(composed):
    """Plain trees by group and option."""
    groups = {"model": MODELS, "optimizer": OPTIMIZERS}
    return {(group, option): composed({group: option}).tree for group, options in groups.items() for option in options}


positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
options = st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(MODELS),
    st.sampled_from(OPTIMIZERS),
    st.fixed_dictionaries({"rate": positive, "seed": st.integers(0, 2**63 - 1), "text": st.text(), "options": options}),
)
@example("lstm", "adagrad", {"rate": 1e-7, "seed": 0, "text": "1e-7", "options": {}})
@example("custom", "adam", {"rate": 5e-324, "seed": 2**63 - 1, "text": "${no} \x85\r\n null", "options": {"": ["0o7"]}})
def test_read_gives_what_was_written(trees, tmp_path, model, optimizer, drawn):
    layers, rule = trees["model", model], trees["optimizer", optimizer]
    tree = layers | {
        "optimizer": rule["optimizer"] | {"learning_rate": drawn["rate"]},
        "experiment": {"name": "any", "description": drawn["text"]},
        "model": layers["model"] | ({"options": drawn["options"]} if model == "custom" else {}),
        "seed": drawn["seed"],
    }
    config = Config.model_validate(tree)
    Composition(config, tree).write(tmp_path / "config.yaml")
    assert read(tmp_path / "config.yaml") == config


@pytest.mark.parametrize("rate", ["1e-7", "1E-07", "1.0e-7", "5e-324", "1e16"])
def test_numbers_may_be_written_in_any_way(rate, write, composed):
    write({"conf/local/default.yaml": f"optimizer: {{learning_rate: {rate}}}"})
    assert composed().config.optimizer.learning_rate == float(rate)
