"""A disk that is full: the message says so, the last good files are whole, and with room again everything works."""

import contextlib
import os
import re
import shutil
import subprocess

import pytest

ROOM = 24 * 2**20  # bytes of the small disk


def mounted(folder):
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", os.fspath(folder)]
    return (
        shutil.which("mount") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.fixture
def small_disk(tmp_path):
    """Puts a small disk in the place of a folder, with what lay in it."""
    disks = []

    def small_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        kept = shutil.copytree(folder, tmp_path / f"kept{len(disks)}", symlinks=True)
        if not mounted(folder):
            pytest.skip("a small disk of its own takes the rights to mount one")
        disks.append(folder)
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)

    yield small_disk
    for folder in reversed(disks):
        # Lazily, since MLflow keeps the store open in the process of the test.
        subprocess.run(["umount", "-l", os.fspath(folder)], check=True)


def fill(folder, left=0):
    """Leaves `left` bytes."""
    filler = folder / ".filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(2**16)):
            pass
    if left:
        os.truncate(filler, filler.stat().st_size - left)
    return filler


STAGES = {
    "compose": ["build"],
    "generate": ["data"],
    "train --stage": ["checkpoints", "models", "reports"],  # one after the other
    "evaluate": ["reports"],
    "report": ["reports"],
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_finds_its_disk_full_says_so_and_overwrites_nothing(project, small_disk, stage):
    for folder in STAGES[stage]:
        small_disk(project.folder / folder)
        filler = fill(project.folder / folder)
        before = project.made()
        answer = project.stage(*stage.split())
        assert answer.code == 2, answer.out + answer.err
        assert re.search(r"full disk|free on this disk", answer.sentence), answer.sentence
        assert folder in answer.sentence
        if (stage, folder) != ("train --stage", "reports"):  # its network is whole and new
            assert project.made() == before
        filler.unlink()
    assert project.stage(*stage.split()).code == 0
    assert not [run for run in project.runs() if run.info.status == "RUNNING"]


@pytest.mark.slow
def test_a_disk_that_fills_up_while_the_series_are_written(project, small_disk):
    small_disk(project.folder / "data")
    before = project.made()
    # Room at the start, and none while the series are written: another program takes it.
    code = (
        "import pathlib; from echo_rnn.stages import generate; from echo_rnn.errors import one_sentence\n"
        "from echo_rnn.tasks import synthetic; from echo_rnn.config import read\n"
        "from echo_rnn.stages.layout import STAGE; from tests.pipelines.test_full_disk import fill\n"
        "write = synthetic._write_series\n"
        "def late(task, seed, shape, paths, progress):\n"
        "    write(task, seed, shape, paths, lambda steps: (progress(steps), fill(pathlib.Path('data'))))\n"
        "synthetic._write_series = late\n"
        "with one_sentence(): generate.run(read(STAGE.config), STAGE)"
    )
    answer = project.run("python", "-c", code)
    assert answer.code == 2
    assert answer.code_of_error == "disk.full"
    assert answer.sentence.startswith("data")
    (project.folder / "data/.filler").unlink()
    assert project.made() == before
    assert project.stage("evaluate").code == 0


@pytest.mark.slow
def test_a_whole_project_on_a_full_disk(unused, small_disk, tmp_path):
    """The store, too: what cannot be tracked is said, and with room the same command runs through."""
    small_disk(unused.folder)
    filler = fill(unused.folder, left=2**20)
    answer = unused.run("dvc", "repro", "evaluate")
    assert answer.code != 0
    assert re.search(r"full disk|disk is full|No space left|free on this disk", answer.out + answer.err)
    filler.unlink()
    unused.must("dvc", "repro", "evaluate")
    assert {run.info.status for run in unused.runs()} <= {"FINISHED", "FAILED"}
