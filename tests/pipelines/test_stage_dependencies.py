"""`dvc.yaml` declares the code and the configuration that decide a result: no change goes unseen.

The code is a list of folders, `echo_rnn.boundaries`. It is compared with what `dvc.yaml` declares and with what the
stage's own file and these folders import, at once or within functions.
"""

import ast
import copy
import functools
from pathlib import Path

import pytest
import yaml

from echo_rnn.boundaries import DECIDES, NEUTRAL
from echo_rnn.config import Config
from echo_rnn.config.schema import Runtime

ROOT = Path(__file__).parents[2]
PACKAGE = "src/echo_rnn"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]

# Where compiled programs are kept changes no bit.
UNDECLARED = "runtime.compile_cache"

# What a stage reads besides code.
READ = {
    "compose": {"conf"},
    "generate": {"requirements.lock", "series"},
    "train": {"requirements.lock", "data"},
    "evaluate": {"requirements.lock", "data", "models"},
    "benchmark": {"requirements.lock"},
    "report": {"benchmarks/stage"},
}
# The files of `stages/` that read the configuration for a stage, besides its own; of them only the function named.
READERS = {
    "generate": {},
    "train": {"shapes": "shape_of", "prepare": None, "choose": "choose", "store": "open_run"},
    "evaluate": {},
    "benchmark": {"shapes": "shapes_of"},
    "report": {"shapes": "shapes_of"},
}


def own_file(stage):
    """The file that does what the stage does; composing takes no more than its entry point."""
    files = (f"{PACKAGE}/stages/{stage}.py", f"pipelines/{stage}.py")
    return next(file for file in files if (ROOT / file).is_file())


def deciding(stage):
    """What `boundaries` lists for a stage, as paths of the repository."""
    return {own_file(stage), *(f"{PACKAGE}/{part}" for part in DECIDES[stage])}


def file_of(module):
    """A module of the package as a path of the repository, else `None`."""
    room, *parts = module.split(".")
    if room != "echo_rnn":
        return None
    base = Path(PACKAGE, *parts)
    found = [path for path in (base / "__init__.py", base.with_suffix(".py")) if (ROOT / path).is_file()]
    return found[0].as_posix() if found else None


@functools.cache
def tree_of(file):
    return ast.parse((ROOT / file).read_text())


def imported_by(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not followed here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def uses(file):
    """The package's files that a file imports."""
    modules = set(imported_by(tree_of(file)))
    # With a module come its packages.
    names = {".".join(parts[: i + 1]) for parts in (name.split(".") for name in modules) for i in range(len(parts))}
    return set(filter(None, map(file_of, names)))


def is_below(file, paths):
    return any(file == path or file.startswith(f"{path}/") for path in paths)


def holds_code(file):
    """Not a package that is a docstring."""
    tree = tree_of(file)
    return len(tree.body) > (ast.get_docstring(tree) is not None)


def is_neutral(file, decides):
    return not is_below(file, decides) and is_below(file, [f"{PACKAGE}/{part}" for part in NEUTRAL])


@functools.cache
def code_of(stage):
    """The files that the stage uses, without those that decide nothing and what only they use."""
    decides = deciding(stage)
    found, waiting = set(), [own_file(stage)]
    while waiting:
        file = waiting.pop()
        if file not in found and not is_neutral(file, decides):
            found.add(file)
            waiting += uses(file)
    return frozenset(filter(holds_code, found))


def undeclared(stages):
    """What stages use and do not declare."""
    needed = {name: code_of(name) | READ[name] for name in stages}
    return {
        (name, path)
        for name, paths in needed.items()
        for path in paths
        if not is_below(path, stages[name].get("deps", ()))
    }


def sections_in(tree):
    """Dotted names of what is read of `config`, each as long as it goes."""
    if isinstance(tree, ast.Attribute):
        root, *names = ast.unparse(tree).split(".")
        if root == "config" and names[0] in Config.model_fields:
            yield ".".join(names)
            return
    for child in ast.iter_child_nodes(tree):
        yield from sections_in(child)


def sections_of(stage):
    readers = {own_file(stage): None, **{f"{PACKAGE}/stages/{name}.py": only for name, only in READERS[stage].items()}}
    for file, function in readers.items():
        for node in tree_of(file).body:
            if function in (None, getattr(node, "name", None)):
                yield from sections_in(node)


def declared_sections(stage):
    return {section for slices in stage["params"] for section in slices["build/config.yaml"]}


def outs_of(stage):
    """Options of each out and metric by its path."""
    outs = (*stage["outs"], *stage.get("metrics", ()))
    return {path: options for out in outs for path, options in (out if isinstance(out, dict) else {out: {}}).items()}


DECLARED = [(name, dep) for name, stage in STAGES.items() for dep in stage["deps"]]
PROGRAMS = {name: stage["cmd"].removeprefix("exec ").split()[:3] for name, stage in STAGES.items()}


def test_each_stage_runs_the_module_of_its_name():
    assert {name: ["python", "-m", f"pipelines.{name}"] for name in STAGES} == PROGRAMS


@pytest.mark.parametrize("name", STAGES)
def test_the_deps_of_a_stage_are_its_boundaries_and_what_it_reads(name):
    assert set(STAGES[name]["deps"]) == deciding(name) | READ[name]


def test_every_stage_has_boundaries():
    assert set(DECIDES) == set(STAGES)


def test_a_training_has_fewer_than_ten_deps():
    assert len(STAGES["train"]["deps"]) < 10


def test_all_that_a_stage_uses_is_declared():
    assert undeclared(STAGES) == set()


@pytest.mark.parametrize(("name", "dep"), DECLARED, ids=lambda part: part)
def test_a_dep_that_is_taken_away_is_missed(name, dep):
    fewer = copy.deepcopy(STAGES)
    fewer[name]["deps"].remove(dep)
    missed = undeclared(fewer)
    assert missed
    assert all(stage == name and is_below(path, [dep]) for stage, path in missed)


def test_each_dep_exists_or_is_made():
    made = {out for stage in STAGES.values() for out in outs_of(stage)}
    assert [dep for _, dep in DECLARED if dep not in made and not (ROOT / dep).exists()] == []


@pytest.mark.parametrize("part", NEUTRAL)
def test_what_decides_nothing_is_used_by_a_stage_and_exists(part):
    assert (ROOT / PACKAGE / part).exists()
    used = {file for name in STAGES for code in code_of(name) for file in uses(code)}
    assert any(is_below(file, [f"{PACKAGE}/{part}"]) for file in used) or part.endswith(".py")


def test_data_is_made_without_tensorflow():
    libraries = {name.split(".")[0] for file in code_of("generate") for name in imported_by(tree_of(file))}
    assert "numpy" in libraries
    assert not libraries & {"tensorflow", "keras"}


@pytest.mark.parametrize("path", ["benchmark", "plots", "tracking", "stages/choose.py", "stages/shapes.py"])
def test_work_on_what_measures_draws_or_logs_retrains_nothing(path):
    assert not is_below(f"{PACKAGE}/{path}", STAGES["train"]["deps"])


@pytest.mark.parametrize("name", READERS)
def test_each_section_that_a_stage_reads_is_declared(name):
    declared, read = declared_sections(STAGES[name]), set(sections_of(name))
    assert read
    missing = {used for used in read if not any(f"{used}.".startswith(f"{section}.") for section in declared)}
    assert missing - {UNDECLARED} == set()


def test_all_that_a_training_logs_is_declared():
    runtime = {f"runtime.{key}" for key in Runtime.model_fields} - {UNDECLARED}
    assert (
        declared_sections(STAGES["train"])
        == set(Config.model_fields) - {"sweep", "benchmark", "search", "runtime"} | runtime
    )


@pytest.mark.parametrize("name", ["generate", "train", "evaluate"])
def test_the_run_cache_takes_a_stage_that_computes_and_it_puts_its_last_results_back_by_itself(name):
    # Metrics that are not cached would not reach a remote.
    assert not any(outs_of(STAGES[name]).values())
    assert f'put_back("{name}")' in (ROOT / f"pipelines/{name}.py").read_text()
