"""The real project in a temporary clone, driven by its real tools."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines.project import Project

ROOT = Path(__file__).parents[2]
# What a run leaves; the clone starts without it, as a fresh checkout that nobody has run.
MADE = ("build/", "reports/", "benchmarks/", "dvc.lock")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The tests of this folder that look at a finished project run in one process, which makes it once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            shared = {"finished", "project"} & set(item.fixturenames)
            item.add_marker(pytest.mark.xdist_group("pipelines" if shared else item.path.stem))


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """The project as it stands here, committed in a repository of its own, with the debug experiment chosen."""
    folder = tmp_path_factory.mktemp("project") / "echo"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith(MADE) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    project = Project(folder)
    project.edit("params.yaml", "experiment: seed", "experiment: debug")
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        project.must("git", *command)
    return project


@pytest.fixture(scope="session")
def finished(fresh):
    """The same after one `dvc repro`."""
    project = fresh.copy(fresh.folder.with_name("finished"))
    answer = project.must("dvc", "repro")
    assert set(answer.stages) == {"compose", "generate", "train", "evaluate", "benchmark", "report"}
    project.must("git", "add", ".")
    project.must("git", "commit", "-q", "-m", "run")
    return project


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project that a test may change."""
    return finished.copy(tmp_path / "echo")


@pytest.fixture
def unused(fresh, tmp_path):
    """A copy of the fresh project: nothing has run, and there is no store."""
    return fresh.copy(tmp_path / "echo")


@pytest.fixture(scope="session", autouse=True)
def interpreter_first():
    """`python` and `dvc` of a stage are those that run the tests."""
    assert shutil.which("dvc", path=os.fspath(Path(sys.executable).parent))
