"""`dvc.yaml` declares the code and the sections of the configuration that a stage uses: no change goes unseen.

The code of a stage is what its module imports, at once, within functions, or by name in a process of its own.
"""

import ast
import copy
import functools
from pathlib import Path

import pytest
import yaml

from echo_rnn.config import Config

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]

# These change no result; neither does what only they use. The head of dvc.yaml names them too.
EXCEPTIONS = {
    "src/echo_rnn/tracking": "where a result is written down",
    "src/echo_rnn/environment.py": "facts beside a result, and where the project is",
    "src/echo_rnn/stages/store.py": "which run a result is written to",
    "src/echo_rnn/stages/layout.py": "where files lie",
    "pipelines/__init__.py": "where the code lies",
    "src/echo_rnn/files.py": "how a file is replaced",
    "src/echo_rnn/errors.py": "how a refusal is said",
    "src/echo_rnn/redact.py": "how a refusal is said",
    "src/echo_rnn/stages/memory.py": "what is refused before it starts",
    "src/echo_rnn/gc_paused.py": "how fast a process starts and ends",
    "src/echo_rnn/stages/alone.py": "who may be at work",
    "src/echo_rnn/stages/show.py": "how a configuration is said",
    "pipelines/hydra_entry.py": "how Hydra's refusals are said; no stage runs under Hydra",
}
# A strategy that is chosen by measuring is an outcome of the machine: work on the benchmark retrains nothing.
EXCEPTIONS_OF = {"train": {"src/echo_rnn/stages/choose.py": "chooses by src/echo_rnn/benchmark"}}

# What else a stage reads.
READ = {
    "compose": {"conf"},
    "generate": {"requirements.lock"},
    "train": {"requirements.lock", "data"},
    "evaluate": {"requirements.lock", "data", "models"},
    "benchmark": {"requirements.lock"},
    "report": {"benchmarks/stage"},
}
# Where a stage reads its configuration; of other files' functions only those that it calls.
READERS = {
    "generate": {"generate": None},
    "train": {"train": None, "choose": None, "shapes": "shape_of"},
    "evaluate": {"evaluate": None},
    "benchmark": {"benchmark": None, "shapes": "shapes_of"},
    "report": {"report": None, "shapes": "shapes_of"},
}


def file_of(module):
    """A module of the project as a path below its root, else `None`."""
    room, *_ = parts = module.split(".")
    if room not in ("pipelines", "echo_rnn"):
        return None
    base = Path("src" if room == "echo_rnn" else "", *parts)
    found = [path for path in (base / "__init__.py", base.with_suffix(".py")) if (ROOT / path).is_file()]
    return found[0].as_posix() if found else None


def nodes_of(tree):
    """All nodes but those that only Python's `-m` reaches: there Hydra's programs are imported."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "__name__ == '__main__'"):
            yield from nodes_of(child)


def imported_by(tree):
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not followed here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def started_by(tree):
    """Modules that stand in a list, as those of `python -m` do."""
    for node in nodes_of(tree):
        if isinstance(node, ast.List):
            yield from (
                part.value for part in node.elts if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


@functools.cache
def tree_of(file):
    return ast.parse((ROOT / file).read_text())


@functools.cache
def uses(file):
    """The project's files that a file imports or starts."""
    modules = {*imported_by(tree_of(file)), *started_by(tree_of(file))}
    # With a module come its packages.
    names = {".".join(parts[: i + 1]) for parts in (name.split(".") for name in modules) for i in range(len(parts))}
    return set(filter(None, map(file_of, names)))


def is_below(file, paths):
    return any(file == path or file.startswith(f"{path}/") for path in paths)


def holds_code(file):
    """Not a package that is a docstring."""
    tree = tree_of(file)
    return len(tree.body) > (ast.get_docstring(tree) is not None)


def exceptions_of(stage):
    return EXCEPTIONS | EXCEPTIONS_OF.get(stage, {})


@functools.cache
def code_of(stage):
    """The files that decide the stage's result."""
    found, waiting = set(), [f"pipelines/{stage}.py"]
    while waiting:
        file = waiting.pop()
        if file not in found and not is_below(file, exceptions_of(stage)):
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
    for name, function in READERS[stage].items():
        for node in tree_of(f"pipelines/{name}.py").body:
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


def test_exceptions_are_of_use():
    reached = {name: {file for code in code_of(name) for file in uses(code)} for name in STAGES}
    everywhere = set().union(*reached.values())
    assert [path for path in EXCEPTIONS if not any(is_below(file, [path]) for file in everywhere)] == []
    assert [path for name, paths in EXCEPTIONS_OF.items() for path in paths if path not in reached[name]] == []


def test_data_is_made_without_tensorflow():
    files = {file.relative_to(ROOT).as_posix() for dep in STAGES["generate"]["deps"] for file in python_files(dep)}
    assert code_of("generate") <= files
    libraries = {name.split(".")[0] for file in files for name in imported_by(tree_of(file))}
    assert "numpy" in libraries
    assert not libraries & {"tensorflow", "keras"}


def python_files(dep):
    return [path for path in (ROOT / dep, *(ROOT / dep).rglob("*")) if path.suffix == ".py"]


def test_work_on_the_benchmark_retrains_nothing():
    kept = ("src/echo_rnn/benchmark", "src/echo_rnn/stages/choose.py", "src/echo_rnn/stages/shapes.py")
    assert not any(is_below(path, STAGES["train"]["deps"]) for path in kept)


@pytest.mark.parametrize("name", READERS)
def test_each_section_that_a_stage_reads_is_declared(name):
    declared, read = declared_sections(STAGES[name]), set(sections_of(name))
    assert read
    assert {used for used in read if not any(f"{used}.".startswith(f"{section}.") for section in declared)} == set()


def test_all_that_a_training_logs_is_declared():
    assert declared_sections(STAGES["train"]) == set(Config.model_fields) - {"sweep", "benchmark"}


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_the_last_good_results_outlive_a_stage_that_fails(name):
    assert [path for path, options in outs_of(STAGES[name]).items() if not options.get("persist")] == []
