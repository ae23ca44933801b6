"""Two owners at once: one works, the other changes nothing and ends in a sentence. What a command must not write."""

import shutil

import pytest
from filelock import FileLock

from tests.pipelines.lives import IMPATIENT

SHORT = ("experiment=debug", "trainer.compile=graph")


def contents(folder):
    """Everything in a folder but what belongs to git and to locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", "__pycache__"} & set(path.parts) and path.name != ".owner.lock"
    }


@pytest.mark.slow
def test_a_second_job_in_a_folder_changes_nothing_not_even_hydras_files(unused):
    folder = unused.folder / "same"
    folder.mkdir()
    with FileLock(folder / ".owner.lock"):
        said = unused.run(*IMPATIENT, *SHORT, "task.echo_step=7", "hydra.run.dir=same")
    assert said.code == 2
    assert said.code_of_error == "folder.busy"
    assert [path.name for path in folder.iterdir()] == [".owner.lock"]
    assert not (unused.folder / "mlflow.db").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("train", "hydra.run.dir=", *SHORT),
        ("train", "-m", "seed=0,1", "hydra.sweep.dir=.", *SHORT),
        ("train", "-m", "seed=0,1", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=..", *SHORT),
        ("benchmark", "hydra.run.dir=.", "sweep=debug"),
    ],
    ids=["job", "sweep", "jobs of a sweep", "benchmark"],
)
def test_the_folder_of_a_project_is_refused_before_anything_is_written(unused, words):
    before = contents(unused.folder)
    said = unused.stage(*words)
    assert said.code == 2
    assert said.code_of_error == "job.folder"
    assert contents(unused.folder) == before


@pytest.mark.parametrize("mode", [(), ("-m",)])
def test_a_password_on_the_command_line_is_refused_before_anything_is_written(unused, mode):
    before = contents(unused.folder)
    seeds = "seed=0,1" if mode else "seed=0"
    said = unused.stage("train", *mode, *SHORT, "tracking.uri=http://bob:hunter2@127.0.0.1:9", seeds)
    assert said.code == 2
    assert said.code_of_error == "config.credentials"
    assert "hunter2" not in said.out + said.err
    assert contents(unused.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("mode", [(), ("-m",)])
def test_a_password_in_a_file_of_conf_is_refused_before_hydra_writes(unused, mode):
    local = unused.folder / "conf" / "local"
    local.mkdir()
    (local / "default.yaml").write_text("# @package _global_\ntracking:\n  uri: http://bob:hunter2@127.0.0.1:9\n")
    before = contents(unused.folder)
    said = unused.stage("train", *mode, *SHORT)
    assert said.code == 2
    assert said.code_of_error == "config.credentials"
    assert "hunter2" not in said.out + said.err
    assert contents(unused.folder) == before


@pytest.mark.slow
def test_a_cell_that_exits_as_if_all_were_well_does_not(unused):
    cell = ("model=custom", "model.layers=1", "model.path=tests.pipelines.unlucky_cells:ExitsWithZero")
    said = unused.stage("train", *SHORT, *cell)
    assert said.code == 2
    assert said.code_of_error == "work.left"
    (run,) = unused.runs()
    assert run.info.status == "FAILED"


@pytest.mark.slow
def test_a_finished_training_is_not_repeated_and_remembers_its_run(finished, tmp_path):
    from tests.pipelines.lives import copied_with_runs  # noqa: PLC0415

    project = copied_with_runs(finished, tmp_path / "echo")
    (before,) = [run for run in project.runs() if "test/accuracy" in run.data.metrics]
    made = project.made()
    # As the next `dvc` does where one was killed before it noted the training; DVC's cache may have older ones.
    shutil.rmtree(project.folder / "models")
    (project.folder / "reports/training/metrics.json").write_text("{}")
    (project.folder / "reports/training/older.csv").touch()
    said = project.stage("train", "--stage")
    assert said.code == 0
    assert "the training is finished" in said.out
    assert project.made() == made
    (after,) = [run for run in project.runs() if "test/accuracy" in run.data.metrics]
    assert (after.info.run_id, after.info.status) == (before.info.run_id, "FINISHED")
    assert "the training is finished" not in _repeated(project).out


def _repeated(project):
    """The remedy that the sentence names."""
    (project.folder / "checkpoints/finished.json").unlink()
    return project.must("python", "-m", "pipelines.train", "--stage")


@pytest.mark.slow
def test_a_folder_of_another_users_lock_fails_a_sweep(unused):
    lock = unused.folder / "mlflow.db.lock"
    lock.mkdir()  # nobody can open it
    said = unused.stage("train", "-m", *SHORT, "seed=0,1")
    assert said.code == 2
    assert "mlflow.db.lock" in said.sentence
    lock.rmdir()
    assert unused.stage("train", "-m", *SHORT, "seed=0").code == 0
