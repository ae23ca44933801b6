"""Names of artifacts, runs and experiments stay in their folder, or are refused in one sentence."""

import pytest

from echo_rnn.tracking import open_store
from tests.refusals import refused

OUTSIDE = [
    "../x",
    "..",
    ".",
    "/etc/x",
    "a/../../x",
    "a//b",
    "a/",
    ".hidden",
    "~/x",
    "a\0b",
    "a\nb",
    "a\\b",
    "C:x",
    "x" * 999,
]


@pytest.fixture
def run(store):
    with store.run("name", "d", {}) as run:
        yield run


@pytest.mark.parametrize("name", [*OUTSIDE, "%2e%2e/x", "file:x", "a#b", "a?b", "-x"])
def test_artifacts_stay_below_their_run(run, tmp_path, name):
    file = tmp_path / "x.txt"
    file.write_text("x")
    for logs in (lambda: run.log_artifact(file, name), lambda: run.log_text("x", name)):
        with refused("run.bad_name", "artifact", repr(name[:40])[:-1]) as caught:
            logs()
        assert len(str(caught.value)) < 300
    assert not (tmp_path / "outbox" / run.id / "files").exists()


@pytest.mark.parametrize("name", ["figures/curves.png", "a b (1).csv", "größe.txt", "lstm3x4-B=5,T=15/0.json", "_x"])
def test_plain_names_are_accepted(store, client, tmp_path, name):
    with store.run("name", "d", {}) as run:
        run.log_text("x", name)
    assert (tmp_path / "mlartifacts" / run.id / "artifacts" / name).read_text() == "x"


@pytest.mark.parametrize("name", ["", "a\0b", "a\nb", "\x1b[31m", "x" * 999])
def test_runs_and_experiments_have_printable_names(store, tmp_path, name):
    with refused("run.bad_name", "name of the run"), store.run(name, "d", {}):
        pass
    with refused("run.bad_name", "name of the experiment") as caught:
        open_store(None, name, tmp_path)
    assert len(str(caught.value)) < 300


def test_names_of_runs_and_experiments_name_no_folder(tmp_path):
    root = tmp_path / "deep" / "project"
    root.mkdir(parents=True)
    with open_store(None, "../../experiment", root).run("../../../run", "d", {}) as run:
        run.log_text("x", "x.txt")
    assert (root / "mlartifacts" / run.id / "artifacts" / "x.txt").exists()
    assert [path.name for path in tmp_path.rglob("*") if path.name in ("experiment", "run")] == []
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["project"]
