"""Trainings that are killed, asked to end, and started again, as a person or a machine does it."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import contextmanager

from tests.pipelines.project import Answer, Project

STAGE = ("python", "-m", "pipelines.train", "--stage")
DVC = ("dvc", "repro", "train")
# `python -m pipelines.train`, which waits for another owner of its folder for two seconds and not for thirty.
IMPATIENT = (
    "python",
    "-c",
    "import runpy; from echo_rnn.stages.alone import alone; alone.__wrapped__.__kwdefaults__['seconds'] = 2; "
    "runpy.run_module('pipelines.train', run_name='__main__', alter_sys=True)",
)
PATIENCE = 300  # seconds until a test gives up on what hangs


@contextmanager
def started(project, *command):
    """A command in a session of its own; what is left of it at the end is killed."""
    process = project.start(*command)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def answer(process):
    """What a command said and left with, once it has ended."""
    out, err = process.communicate(timeout=PATIENCE)
    return Answer(process.returncode, out, err)


def until(condition):
    """The first value of `condition` that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def numbers(folder):
    """The checkpoints in a folder, oldest first."""
    return sorted(int(path.name) for path in folder.glob("[0-9]*"))


def until_saved(project, process, folder="checkpoints"):
    """Waits until the training has written one more checkpoint, which it does when it begins, or has ended."""
    place = project.folder / folder
    before = max(numbers(place), default=0)
    until(lambda: process.poll() is not None or max(numbers(place), default=0) > before)


def killed(project, *command, pause=0.0):
    """Kills a command and all its children, some seconds after it has begun to train; false if it ended before."""
    with started(project, *command) as process:
        until_saved(project, process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(pause)
        if process.poll() is not None:
            return False
        os.killpg(process.pid, signal.SIGKILL)
        return True


def copied_with_runs(project, folder):
    """A copy of a project whose store has the runs, too, with their places in the copy."""
    copy = Project(shutil.copytree(project.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("mlflow.db*")))
    with (
        contextlib.closing(sqlite3.connect(project.folder / "mlflow.db")) as store,
        contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as copied,
    ):
        copied.executescript("\n".join(store.iterdump()).replace(os.fspath(project.folder), os.fspath(folder)))
    return copy


def points(project, key):
    """Steps and values of a metric of the only run, in the order in which the store has them."""
    (run,) = project.runs()
    return [(point.step, point.value) for point in project.client().get_metric_history(run.info.run_id, key)]
