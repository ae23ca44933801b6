"""Every command of the README does what it says, as it stands there; its snippet: `tests/test_package.py`."""

import functools
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from screenshot import chromium, pages, take

from echo_rnn.errors import UserError
from tests.processes import environment
from tests.refusals import refused
from tests.tracking.servers import find_free_port

pytestmark = pytest.mark.xdist_group("readme")  # one project, in which each block runs once

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


@pytest.fixture(scope="module")
def answer_to(small):
    """Runs the block of commands that begins with some words, once."""

    @functools.cache
    def run(block):
        return small.must("bash", "-exc", block)

    return lambda words: run(*[block for block in blocks() if block.startswith(words)])


@pytest.mark.slow
def test_a_second_run_installs_nothing_and_runs_nothing(small, answer_to):
    answer_to("make run")
    answer = small.must("make", "run")
    assert "up to date" in answer.out
    assert "-m venv" not in answer.out
    assert "Running stage" not in answer.out


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.split("#")[0].strip())
def test_commands_run(answer_to, block):
    answer_to(block)


@pytest.mark.slow
def test_a_sweep_logs_flat_runs_and_ends_with_a_table(small, answer_to):
    answer = answer_to("python -m pipelines.train -m")
    summary = next(run for run in small.runs() if "unroll=static" in run.data.tags.get("mlflow.note.content", ""))
    sweep = summary.data.tags["summary_of"]
    runs = [run for run in small.runs() if run.data.tags.get("sweep") == sweep]
    assert sorted((run.data.tags["unroll"], run.data.params["seed"]) for run in runs) == [
        ("dynamic", "0"), ("dynamic", "1"), ("static", "0"), ("static", "1")
    ]  # fmt: skip
    assert not any("mlflow.parentRunId" in run.data.tags for run in runs)
    assert summary.data.metrics["sweep/jobs"] == 4
    accuracy = sum(run.data.metrics["test/accuracy"] for run in runs if run.data.tags["unroll"] == "static") / 2
    for text in (answer.out, summary.data.tags["mlflow.note.content"]):
        assert re.search(r"unroll=static.*\b2\b.* ± ", text)
        assert re.search(rf"{accuracy:.6f} ± ", text)


@pytest.mark.slow
def test_links_of_sweeps_show_the_speed_of_all_their_runs(small, answer_to, tmp_path):
    """MLflow's pages in a real browser."""
    pytest.importorskip("playwright", reason="the dependency group `test` brings it")
    try:
        chromium()
    except UserError as error:
        pytest.skip(str(error))
    trained, measured = map(answer_to, ("python -m pipelines.train -m", "python -m pipelines.benchmark -m"))
    port = find_free_port()
    with pages(port, small.folder):
        found = seen(trained, port, tmp_path / "trained.png")
        assert found.charts[0] == "speed/step_microseconds"
        assert sorted(name.partition("-")[0] for name in found.shown) == ["dynamic"] * 2 + ["static"] * 2
        found = seen(measured, port, tmp_path / "measured.png")
        assert found.charts[0] == "step/microseconds"
        with refused("screenshot.no_pages", port), pages(port, small.folder):
            pass


def seen(answer, port, image):
    """What the first link that a command printed shows first."""
    link = re.search(r"^compare: (\S+)$", answer.out, re.MULTILINE)[1]
    found = take(re.sub(r":\d+/", f":{port}/", link, count=1), image)
    assert image.stat().st_size > 20_000  # an empty page is smaller
    assert not found.hidden
    return found


def test_a_missing_browser_is_refused(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    with refused("screenshot.no_browser", "CHROMIUM"):
        chromium()


@pytest.mark.slow
def test_ui_prints_a_link_to_the_comparison(small):
    port = find_free_port()
    process = subprocess.Popen(
        ["make", "ui", f"PORT={port}"],
        cwd=small.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline()
        assert re.match(
            rf"runs: http://127.0.0.1:{port}/#/experiments/\d+/runs\?viewStateShareKey=\w+&compareRunsMode=CHART", line
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            assert answer.read() == b"OK"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


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


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
