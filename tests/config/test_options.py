"""Every file of `conf/` composes, and each value stands in one place."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from echo_rnn.config import Config
from echo_rnn.config.fields import Section
from echo_rnn.config.optimizers import CLIPPINGS, OPTIMIZERS, SCHEDULES
from echo_rnn.core.cell_table import CELLS
from echo_rnn.core.losses import LOSSES
from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.tasks.table import TASKS

CONF = Path(__file__).parents[2] / "conf"
LIST = yaml.safe_load((CONF / "config.yaml").read_text())
GROUPS = [group for entry in LIST["defaults"] if isinstance(entry, dict) for group in entry if " " not in group]
OPTIONS = [(group, file.stem) for group in GROUPS for file in sorted((CONF / group).glob("*.yaml"))]
# What an option needs from another group.
NEEDS = {("unroll", "block"): {"trainer": {"compile": "graph"}}}
NEEDED_OPTIONS = {("loss", name): {"task": "clipper"} for name, kind in LOSSES.items() if kind.kind == "real"}


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_in_both_ways(group, option, composed, job):
    values = NEEDS.get((group, option), {})
    overrides = [f"{section}.{key}={value}" for section, pairs in values.items() for key, value in pairs.items()]
    groups = {group: option, **NEEDED_OPTIONS.get((group, option), {})}
    chosen = [f"{name}={choice}" for name, choice in groups.items()]
    assert composed(groups, values).tree == job(*chosen, *overrides).tree


@pytest.mark.parametrize("experiment", [option for group, option in OPTIONS if group == "experiment"])
def test_experiments_are_named_after_their_files(experiment, composed):
    assert composed({"experiment": experiment}).config.experiment.name == experiment


@pytest.mark.parametrize(
    ("names", "group"),
    [(OPTIMIZERS, "optimizer"), (SCHEDULES, "schedule"), (CLIPPINGS, "clipping"), (LOSSES, "loss"), (TASKS, "task")],
)
def test_every_name_has_a_file(names, group):
    assert set(names) == {option for of, option in OPTIONS if of == group}


def test_every_cell_has_a_file():
    assert set(CELLS) == {option for group, option in OPTIONS if group == "model"}


def test_every_strategy_has_a_file_for_each_of_its_labels(composed):
    found = {o: composed({"unroll": o}, NEEDS.get((g, o))).config.unroll for g, o in OPTIONS if g == "unroll"}
    assert {section.label for section in found.values()} == {*labels(), "auto"}
    assert all(section.label in (option, "partial5") for option, section in found.items())
    for option in found.keys() - {"auto"}:
        summary = get_strategy(found[option].label).strategy.summary
        assert (CONF / f"unroll/{option}.yaml").read_text().startswith(f"# {summary}\n"), option


def test_root_is_a_defaults_list_and_nothing_else():
    assert set(LIST) == {"defaults"}


def test_every_folder_is_a_group():
    assert {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"hydra", "local"} == set(GROUPS)


def test_values_have_one_home(composed):
    homes = {}
    for group, option in OPTIONS:
        if group in ("experiment", "debug"):  # they speak about the values of others
            continue
        text = (CONF / group / f"{option}.yaml").read_text()
        for key in _leaves(yaml.safe_load(text), "" if "@package _global_" in text else f"{group}."):
            assert homes.setdefault(key, group) == group
    experiment = {"experiment.name", "experiment.description"}
    assert set(_leaves(composed().tree)) <= set(homes) | experiment


def _leaves(tree, prefix=""):
    return [
        leaf
        for key, value in tree.items()
        for leaf in (_leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"])
    ]


def test_schema_has_no_defaults():
    sections = _subclasses(Section)
    assert Config in sections
    assert all(field.is_required() for section in sections for field in section.model_fields.values())


def _subclasses(section):
    return [inner for below in section.__subclasses__() for inner in (below, *_subclasses(below))]


def test_composing_imports_nothing_heavy(tmp_path, conf):
    (tmp_path / "params.yaml").write_text("groups: {}\nvalues: {}\n")
    code = (
        "import sys, pathlib; from echo_rnn.config import compose\n"
        "compose(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'mlflow', 'matplotlib') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "params.yaml"), str(conf)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (answer.stdout.strip(), answer.stderr) == ("[]", "")
