"""Sweeps as a person starts them, and what they leave."""

import contextlib
import re
import shlex
import subprocess

import psutil

SHORT = ("experiment=debug", "trainer.compile=graph", "tracking.experiment=sweeps")
PARALLEL = ("hydra/launcher=joblib", "runtime.threads=1")


@contextlib.contextmanager
def running(project, *command):
    """A command in the background; what is left of it at the end is killed with its children."""
    process = project.start(*command, stderr=subprocess.STDOUT)
    try:
        yield psutil.Process(process.pid), process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
        process.communicate()


def sweep(*arguments):
    return ("python", "-m", "pipelines.train", "-m", *arguments)


def folder_of(project):
    (folder,) = (project.folder / "multirun").glob("*/*")
    return folder


def rest_of(out):
    """The command that the sweep named for what is missing."""
    (command,) = set(re.findall(r"this runs (?:them|those that are missing): (python .*)", out))
    return shlex.split(command)
