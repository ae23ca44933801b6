"""Every command of the README does what it says, as it stands there."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.processes import environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
# Through the door that the README names for one's own settings; the length of the series is that of one task.
SMALL = "trainer: {epochs: 1, window: 10, compile: graph}\n"
ELSEWHERE = ("make test", "make ui")  # these tests themselves; below


def blocks():
    """The commands that stand together: a later one may need an earlier one."""
    found = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    kept = ["".join(line for line in block.splitlines(True) if not line.startswith(ELSEWHERE)) for block in found]
    return [block for block in kept if block]


@pytest.fixture(scope="module")
def small(fresh, tmp_path_factory):
    """The project set up and small."""
    installed, lock = Path(sys.prefix, "installed"), ROOT / "requirements.lock"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        pytest.fail("`make` would set up anew the environment that runs this; `make test-all` sets it up first")
    project = fresh.copy(tmp_path_factory.mktemp("readme") / "echo")
    (project.folder / "conf" / "local").mkdir()
    (project.folder / "conf" / "local" / "default.yaml").write_text(SMALL)
    project.edit("conf/task/echo.yaml", "series_length: 50000", "series_length: 1500")
    # What `make test`, which runs this, has set up; `make` in the copy finds it whole.
    (project.folder / ".venv").symlink_to(sys.prefix)
    return project


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.split("#")[0].strip())
def test_commands_run(small, block):
    answer = small.run("bash", "-exc", block)
    assert answer.code == 0, answer.out + answer.err


@pytest.mark.slow
def test_a_second_run_installs_nothing_and_runs_nothing(small):
    small.must("make", "run")
    answer = small.must("make", "run")
    assert "up to date" in answer.out
    assert "-m venv" not in answer.out
    assert "Running stage" not in answer.out


@pytest.mark.slow
def test_ui_prints_a_link_to_the_comparison(small):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pages = subprocess.Popen(
        ["make", "ui", f"PORT={port}"],
        cwd=small.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = pages.stdout.readline()
        assert re.match(
            rf"runs: http://127.0.0.1:{port}/#/experiments/\d+/runs\?viewStateShareKey=\w+&compareRunsMode=CHART", line
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            assert answer.read() == b"OK"
    finally:
        os.killpg(pages.pid, signal.SIGTERM)
        pages.wait(20)


def test_clean_removes_what_was_made_and_nothing_else(fresh, tmp_path):
    project = fresh.copy(tmp_path / "echo")
    mine = project.folder / "notes.txt"
    mine.write_text("mine")
    made = ["data/x.npy", "models/model.json", "build/config.yaml", "mlflow.db", "outputs/a/b", ".venv/installed"]
    for name in made:
        (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / name).write_text("made")
    (project.folder / "outbox/empty").mkdir(parents=True)
    project.must("make", "clean")
    assert not (project.folder / "outbox").exists()
    assert [name for name in made if (project.folder / name).exists()] == []
    assert mine.read_text() == "mine"
    assert project.must("git", "status", "--short").out == "?? notes.txt\n"


def test_help_names_every_target(fresh):
    listed = fresh.must("make", "help").out
    targets = " ".join(re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)).split()
    assert len(targets) > 15
    for target in targets:
        assert f"make {target}" in listed


def test_tree_names_what_is_there():
    tree = re.search(r"^dvc.yaml  params.yaml .*?(?=```)", README, flags=re.DOTALL | re.MULTILINE)[0]
    names = [
        ("src/echo_rnn" if line.startswith(" ") else "", name)
        for line in tree.splitlines()
        for name in line[:24].split()
    ]
    assert len(names) > 15
    assert [name for folder, name in names if not (ROOT / folder / name).exists()] == []


@pytest.mark.slow
def test_snippet_runs_as_it_stands_there():
    (snippet,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    code = snippet + "\nimport numpy as np\nmodel.fit(np.zeros((4, 100, 8)), np.zeros((4, 1)), verbose=0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
