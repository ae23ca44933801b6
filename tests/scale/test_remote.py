"""DVC's remote in an S3 store: what one copy of the project has computed, another one takes from it."""

import shutil

import pytest

from echo_rnn.tracking import services
from tests.pipelines.project import Project

pytestmark = pytest.mark.scale


@pytest.fixture
def clone(running, finished, tmp_path):
    """Makes copies of the finished project: the first with all that it made, others from git alone."""

    def clone(name, *, whole=False):
        if whole:
            project = finished.copy(tmp_path / name)
            project.must("git", "init", "-q", "--bare", str(tmp_path / "origin"))
            project.must("git", "remote", "add", "origin", str(tmp_path / "origin"))
            project.must("git", "push", "-q", "origin", "main")
        else:
            finished.must("git", "clone", "-q", "-b", "main", str(tmp_path / "origin"), str(tmp_path / name))
            project = Project(tmp_path / name)
        project.must("dvc", "remote", "add", "--local", "--default", "store", f"s3://{services.REMOTE}/{tmp_path.name}")
        for key, value in {
            "endpointurl": running.settings.s3,
            "credentialpath": str(running.folder / "credentials"),
        }.items():
            project.must("dvc", "remote", "modify", "--local", "store", key, value)
        return project

    return clone


def contents(project):
    return {name: content for name, content in project.made().items() if not name.endswith(".owner.lock")}


def test_clones_take_results_settings_and_experiments_from_the_remote(clone):
    ours = clone("ours", whole=True)
    made = contents(ours)
    ours.must("dvc", "push", "--run-cache")

    theirs = clone("theirs")
    theirs.must("dvc", "pull")
    assert theirs.must("dvc", "repro").stages == []
    assert contents(theirs) == made

    # Without `dvc.lock`, and with nothing but the run cache: as after another commit, or another setting and back.
    (theirs.folder / "dvc.lock").unlink()
    for name in ("data", "models", "reports", ".dvc/cache"):
        shutil.rmtree(theirs.folder / name)
    theirs.must("dvc", "fetch", "--run-cache")
    assert theirs.must("dvc", "repro", "--pull", "evaluate").stages == ["compose"]
    again = contents(theirs)
    assert again == {name: content for name, content in made.items() if not name.startswith("reports/benchmark/")}

    theirs.must("git", "checkout", "-q", "--", ".")
    (ours.folder / "checkpoints/finished.json").unlink()
    ours.must("dvc", "exp", "run", "--name", "faster", "-S", "groups.optimizer=adam")
    ours.must("dvc", "exp", "push", "origin", "faster")
    theirs.must("dvc", "exp", "pull", "origin", "faster")
    theirs.must("dvc", "exp", "apply", "faster")
    for name in ("models/weights.npz", "reports/evaluation/metrics.json"):
        assert theirs.read(name) == ours.read(name)
        assert theirs.read(name) != made[name]
    assert theirs.must("dvc", "repro", "evaluate").stages == []
