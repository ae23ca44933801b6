"""The real project in a temporary clone, driven by its real tools."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pipelines.project import Project
from tests.processes import environment

ROOT = Path(__file__).parents[2]
# What a run leaves; the clone starts without it, as a fresh checkout that nobody has run.
MADE = ("build/", "reports/", "benchmarks/", "dvc.lock")


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id):
    """Makes a project once for all processes that run the tests: who wants it first makes it, others wait for it."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent

    def once(name, make):
        folder, made = shared / name / "echo", shared / name / "made"
        with FileLock(shared / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one who failed
                make(folder)
                made.touch()
        return Project(folder)

    return once


@pytest.fixture(scope="session")
def fresh(once):
    """The project as it stands here, committed in a repository of its own, with the debug experiment chosen."""

    def make(folder):
        for name in listed():
            if not name.startswith(MADE) and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        project = Project(folder)
        project.edit("params.yaml", "experiment: seed", "experiment: debug")
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
            project.must("git", *command)

    return once("fresh", make)


def listed():
    """The files that git sees."""
    # Whoever owns it.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True).stdout
    return filter(None, names.split("\0"))


@pytest.fixture(scope="session")
def finished(fresh, once):
    """The same after one `dvc repro`."""

    def make(folder):
        project = fresh.copy(folder)
        answer = project.must("dvc", "repro")
        assert set(answer.stages) == {"compose", "generate", "train", "evaluate", "benchmark", "report"}
        project.must("git", "add", ".")
        project.must("git", "commit", "-q", "-m", "run")

    return once("finished", make)


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project that a test may change, and in which a training is repeated."""
    project = finished.copy(tmp_path / "echo")
    (project.folder / "checkpoints/finished.json").unlink()
    return project


@pytest.fixture
def unused(fresh, tmp_path):
    """A copy of the fresh project: nothing has run, and there is no store."""
    return fresh.copy(tmp_path / "echo")


@pytest.fixture(scope="session", autouse=True)
def interpreter_first():
    """`python` and `dvc` of a stage are those that run the tests."""
    assert shutil.which("dvc", path=os.fspath(Path(sys.executable).parent))
