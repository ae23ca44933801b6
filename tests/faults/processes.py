"""Commands in forks of a process that has imported everything: a fork begins after 0.1 s, with its own state."""

import os
import runpy
import signal
import sys
import time
import traceback
import weakref
from dataclasses import dataclass
from pathlib import Path

from tests.faults.points import KILLED, Points, read

LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    seconds: float
    points: list

    @property
    def was_killed(self):
        return self.code == -signal.SIGKILL


def preload():
    """Imports what commands import; computes nothing, since threads do not survive a fork."""
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "DVC_NO_ANALYTICS": "true", "CUDA_VISIBLE_DEVICES": ""}
    from echo_rnn.tracking.address import SETTINGS  # noqa: PLC0415

    os.environ |= SETTINGS
    import keras  # noqa: F401, PLC0415
    import matplotlib.figure  # noqa: F401, PLC0415
    import mlflow.keras  # noqa: PLC0415
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401, PLC0415
    import tensorflow  # noqa: F401, PLC0415
    from alembic import command  # noqa: F401, PLC0415

    import echo_rnn.benchmark.report.words  # noqa: PLC0415
    import echo_rnn.plots  # noqa: PLC0415
    import echo_rnn.training  # noqa: F401, PLC0415


def run(folder, words, *, at=None, fault=KILLED, until=""):
    """Runs `python -m WORDS` in `folder`, with a fault at its point number `at`, from 1; Ctrl-C follows `until`."""
    folder = Path(folder)
    record = folder.with_name(f"{folder.name}.points")
    said = folder.with_name(f"{folder.name}.said")
    start = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = 70
        try:
            code = _child(folder, words, said, record, at, fault)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > start + LIMIT_SECONDS:
            os.kill(pid, signal.SIGKILL)
        if until and said.exists() and until in said.read_text(errors="replace"):
            os.kill(pid, signal.SIGINT)
            until = ""
        time.sleep(0.01)
    text = said.read_text(errors="replace")
    return Ended(os.waitstatus_to_exitcode(status), text, time.monotonic() - start, read(record))


def _child(folder, words, said, record, at, fault):
    os.setsid()
    os.chdir(folder)
    for each in list(weakref.finalize._registry):
        each.atexit = False  # temporary folders of the parent
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = os.fspath(temporary)
    import tempfile  # noqa: PLC0415

    tempfile.tempdir = None
    from echo_rnn.stages import layout  # noqa: PLC0415

    layout.PARAMS = folder / "params.yaml"
    sys.argv = [words[0], *words[1:]]
    Points([folder], record, at, fault).install()
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    # What a process does at its end, which `os._exit` leaves out.
    import atexit  # noqa: PLC0415

    try:
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        code = code or 1
    return code
