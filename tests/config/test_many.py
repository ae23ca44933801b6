"""Many configurations, most of them mistakes: each is one that can be trained, or is refused in one sentence.

The sentence names a key or the place of the mistake; there is no traceback, and nothing is created. The quick run draws
the same ones each time, the slow one new ones.
"""

import pickle
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from echo_rnn.config import compose, composition, composition_error
from echo_rnn.config.sentences import known_keys
from echo_rnn.errors import UserError
from echo_rnn.stages.prepare import require_memory

CONF = Path(__file__).parents[2] / "conf"
KEYS = sorted(known_keys())
OPTIONS = {
    group: sorted(file.stem for file in (CONF / group).glob("*.yaml"))
    for group in ("task", "model", "unroll", "optimizer", "schedule", "clipping", "trainer", "runtime", "experiment")
}
QUICK, MANY = 120, 200
# Sizes are small, or larger than any machine: what lies between could be trained, and takes its time.
NUMBERS = st.one_of(
    st.integers(-2, 12),
    st.sampled_from([15, 50, 100, 1000, 50_000]),
    st.integers(2**30, 2**70),
    st.floats(),
    st.floats(0, 2),
)
OURS = ["null", "xla", "graph", "none", "lstm", "gru", "custom", "bfloat16", "a/b", "../x", "_target_", "1e-3", "~"]
CELLS = ["keras.layers:GRUCell", "os:system", "os:_exit", "no.such:Cell"]
REFERENCES = ["${seed}", "${no}", "${", "${oc.env:HOME}", "${now:%Y}", "${task.batch_size}", "${.rows}"]
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from([*OURS, *CELLS, *REFERENCES, "", "\x00"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(TEXTS, NUMBERS), inner, max_size=2)),
    max_leaves=4,
)
MISSPELT = st.builds(
    lambda key, at, inserted: key[:at] + inserted + key[at + 1 :], st.sampled_from(KEYS), st.integers(0, 20), TEXTS
)
GROUPS = st.fixed_dictionaries(
    {}, optional={group: st.one_of(st.none(), st.sampled_from(options)) for group, options in OPTIONS.items()}
)


def leaves(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def sensible():
    """What the options in conf/ say of each key."""
    found = {}
    for group, options in OPTIONS.items():
        for option in options:
            text = (CONF / group / f"{option}.yaml").read_text()
            for key, value in leaves(yaml.safe_load(text) or {}, "" if "@package _global_" in text else f"{group}."):
                if key in KEYS and "." in key:
                    found.setdefault(key, []).append(value)
    return found


SENSIBLE = sensible()
CHANGE = st.one_of(
    st.sampled_from(sorted(SENSIBLE)).flatmap(
        lambda key: st.tuples(st.just(key), st.one_of(st.sampled_from(SENSIBLE[key]), st.integers(1, 9), VALUES))
    ),
    st.tuples(st.one_of(st.sampled_from(KEYS), MISSPELT, TEXTS), VALUES),
)
CHANGES = st.lists(CHANGE, min_size=1, max_size=4).map(dict)
WORD = st.one_of(
    st.tuples(st.sampled_from(["", "+", "++", "~"]), CHANGE).map(
        lambda drawn: f"{drawn[0]}{drawn[1][0]}={drawn[1][1]}"
    ),
    st.sampled_from([f"{group}={option}" for group, options in OPTIONS.items() for option in options]),
    st.text(max_size=12),
)
SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def nested(changes):
    """Dotted keys as a tree."""
    tree = {}
    for key, value in changes.items():
        *path, last = key.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {}) if isinstance(place.get(part, {}), dict) else {}
        place[last] = value
    return tree


def assert_one_sentence(said):
    assert re.fullmatch(r".+: expected .+, got .+; change it in .+", said), said
    assert "\n" not in said
    assert len(said) < 1500


def assert_can_be_trained(config):
    """The network is made, unless it is larger than the machine, which is said."""
    import numpy as np  # noqa: PLC0415

    from echo_rnn.core import model  # noqa: PLC0415
    from echo_rnn.training import build_optimizer  # noqa: PLC0415

    if config.unroll.unrolling is None:
        return
    try:
        require_memory(config)
        network = model.build(config.model.stack, config.unroll.unrolling, 1, 2, compiled=config.trainer.compile)
        network.initial_weights(np.random.SeedSequence(config.seed))
    except UserError as error:
        # What only the cell itself, the files, or the machine, can say.
        assert re.match(r"(model\.(path|options|units)|task\.input_files): expected .+, got ", str(error)), error
    build_optimizer(config.optimizer, config.schedule, config.clipping)


@pytest.fixture(autouse=True)
def hydra_once(monkeypatch):
    """Hydra composes the same groups once, and reads a file once: what differs between examples comes after it."""
    monkeypatch.setattr(OmegaConf, "load", staticmethod(once(OmegaConf.load, by=content)))
    monkeypatch.setattr(composition, "hydra_compose", once(composition.hydra_compose, by=lambda *given, **more: given))


def content(file):
    """What stands in a file that is given by its path, or opened."""
    return Path(file if isinstance(file, Path) else file.name).read_bytes()


def once(function, by):
    """The function, whose results are kept by what decides them, as bytes, since a caller may change it."""
    kept = {}

    def kept_or_new(*given, **more):
        key = repr(by(*given, **more))
        if key not in kept:
            kept[key] = pickle.dumps(function(*given, **more))
        return pickle.loads(kept[key])

    return kept_or_new


def hold_in_params(groups, changes, folder):
    params = folder / "params.yaml"
    try:
        params.write_text(yaml.safe_dump({"groups": groups, "values": nested(changes)}))
    except (UnicodeEncodeError, yaml.YAMLError):
        return  # no file that a person could have
    try:
        config = compose(params, CONF).config
    except UserError as error:
        assert_one_sentence(str(error))
    else:
        assert_can_be_trained(config)
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


@settings(max_examples=QUICK, **SETTINGS)
@seed(0)
@given(groups=GROUPS, changes=CHANGES)
def test_whatever_stands_in_params(tmp_path, groups, changes):
    hold_in_params(groups, changes, tmp_path)


@pytest.mark.slow
@settings(max_examples=MANY, **SETTINGS)
@given(groups=GROUPS, changes=CHANGES)
def test_whatever_stands_in_params_drawn_anew(tmp_path, groups, changes):
    hold_in_params(groups, changes, tmp_path)


def hold_on_the_command_line(words, job, folder):
    before = list(folder.iterdir())
    try:
        config = job(*words).config
    except UserError as error:
        assert_one_sentence(str(error))
    except Exception as error:  # Hydra and what it is made of
        assert_one_sentence(str(composition_error(error, CONF, "the command line")))
    else:
        assert_can_be_trained(config)
    assert list(folder.iterdir()) == before


WORDS = st.lists(WORD.filter(lambda word: "hydra" not in word), min_size=1, max_size=3)


@settings(max_examples=QUICK // 6, **SETTINGS)
@seed(0)
@given(words=WORDS)
@example(words=["0="])  # no value, where Hydra reads no key either
def test_whatever_stands_on_the_command_line(job, tmp_path, words):
    hold_on_the_command_line(words, job, tmp_path)


@pytest.mark.slow
@settings(max_examples=MANY // 6, **SETTINGS)
@given(words=WORDS)
def test_whatever_stands_on_the_command_line_drawn_anew(job, tmp_path, words):
    hold_on_the_command_line(words, job, tmp_path)
