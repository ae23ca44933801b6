"""A job outside DVC: the three stages in one folder, here or in a child process.

    python -m echo_rnn.stages.job FOLDER SWEEP OVERRIDE ...        the child process of a sweep's job

Each job of a sweep has its own process: one that crashes, or that the system kills where memory runs out, stops no
other job, and TensorFlow, which may be imported before, starts afresh, so that a job gives the same bits in a sweep as
alone. The child owns FOLDER;
it is sent the configuration as a line of JSON.
"""

import json
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from echo_rnn.child_process import Child, end_with_parent, exit_reason
from echo_rnn.config import Composition, Config, read
from echo_rnn.errors import UserError, as_user_error, is_submitted, one_sentence, termination_raises, to_its_end
from echo_rnn.files import remove, write_text
from echo_rnn.manifest import Manifest
from echo_rnn.stages import evaluate, finished, generate, train
from echo_rnn.stages.alone import alone
from echo_rnn.stages.job_server import job_server
from echo_rnn.stages.layout import Layout
from echo_rnn.stages.prepare import choose_strategy, require_memory
from echo_rnn.stages.store import store_of

RESULT = Manifest(
    kind="result of a job",
    name="result.json",
    format=2,
    remedy="the same sweep with hydra.sweep.dir set to its folder runs the job again",
)
Result = dict[str, Any]
UNFINISHED = "ended without a result"
"""The error of a job that is at work, and of one that was killed together with the process that waited for it."""
_TRACEBACK = "traceback.txt"


def run(
    config: Config,
    files: Layout,
    tags: Mapping[str, str],
    command: str,
    on_epoch: train.OnEpoch = lambda record: None,
) -> Result:
    """Generates, trains and evaluates in the folder of `files`; returns what a sweep's table needs.

    The run has `tags`, too; `command` resumes the training after a stop, for the message; `on_epoch` is `train.run`'s.
    """
    with alone(files.root, "job"):
        require_memory(config)
        generate.run(config, files)
        store = store_of(config.tracking)
        chosen = choose_strategy(config)
        chosen = replace(chosen, tags={**chosen.tags, **tags})
        trained = train.run(config, files, store, chosen, command=command, on_epoch=on_epoch)
        # Opened again: a server may have gone meanwhile, and then the run is resumed from its outbox.
        metrics = evaluate.run(config, files, store_of(config.tracking))
    result = {"run_id": trained.run_id, "seed": config.seed, "speed": trained.speed, "metrics": metrics}
    return result | {"machine": dict(trained.machine)}


def run_in_child(composition: Composition, files: Layout, sweep: str, overrides: Sequence[str], job_id: str) -> None:
    """Does the work of a job in a child process, unless an earlier call of the sweep has done it.

    The job's record is there from its beginning, and has its result however it ends. A process that is at work on it,
    since it has outlived an earlier call, is waited for. A request to stop is passed on, and the child saves first.
    """
    cancel = _Cancel()
    with alone(files.root, "job", seconds=-1):
        if _is_finished(files, composition):
            finished.remove_rest(files.checkpoints)
            print(f"finished before: {shlex.join(overrides)}")
            return
        RESULT.write(files.root, {"overrides": list(overrides), "id": job_id, "error": UNFINISHED})
    command = [sys.executable, "-m", "echo_rnn.stages.job", str(files.root), sweep, *overrides]
    with termination_raises(), Child(command, captured=False, server=job_server()) as child:
        cancel.reaches(child)
        child.write_line(json.dumps(composition.tree))
        code = child.wait()
    if RESULT.read(files.root).get("error") == UNFINISHED:
        fail(files, overrides, "cancelled" if cancel.requested else f"expected a result, got {exit_reason(code)}")


class _Cancel:
    """SIGTERM in a process of submitit, whose own handler drops the signal, reaches the child.

    What ends this process after it was requeued goes its own way: see `Child.wait`.
    """

    def __init__(self) -> None:
        self.requested = False
        self._child: Child | None = None
        if is_submitted():
            signal.signal(signal.SIGTERM, self._handle)

    def reaches(self, child: Child) -> None:
        """From now on; also where the signal has come already."""
        self._child = child
        if self.requested:
            child.terminate()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if self._child is not None:
            self._child.terminate()


def _is_finished(files: Layout, composition: Composition) -> bool:
    """Whether an earlier call of the sweep wrote the numbers of this configuration."""
    try:
        return "error" not in RESULT.read(files.root) and read(files.config) == composition.config
    except UserError:
        return False


def require_same(folder: Path, overrides: Sequence[str]) -> None:
    """Refuses the folder of a job of another sweep, before it is overwritten.

    Raises:
        UserError: It holds a job with other overrides.
    """
    try:
        there = RESULT.read(folder)["overrides"]
    except UserError:
        return  # nothing, or nothing that can be used
    if there != list(overrides):
        raise UserError(
            f"hydra.sweep.dir: expected the folder of this sweep, in which job {folder.name} is "
            f"{shlex.join(overrides)}, got {folder.parent}, in which it is {shlex.join(there)}; choose another folder, "
            "or omit it",
            "sweep.other",
        )


def note_of_cores(key: str, work: str, at_once: int, threads: int, cores: int) -> None:
    """Prints a note where more is done at once than the cores allow, which a person may ask for."""
    if at_once * threads > max(cores, threads):
        print(
            f"{key}: expected at most {max(1, cores // threads)}, so that {work} with runtime.threads = {threads} "
            f"share {cores} cores, got {at_once}; they run, and wait for each other",
            file=sys.stderr,
        )


def fail(files: Layout, overrides: Sequence[str], reason: str) -> None:
    """Writes down why a job has no numbers."""
    print(f"failed: {shlex.join(overrides)}: {reason}")
    with alone(files.root, "job"):
        RESULT.write(files.root, {"overrides": list(overrides), "error": reason})


def _main(root: str, sweep: str, *overrides: str) -> None:
    composition = Composition.of(json.loads(next(end_with_parent())))
    files = Layout(Path(root))
    command = f"the same sweep with hydra.sweep.dir={os.path.relpath(files.root.parent)}"
    with alone(files.root, "job", seconds=-1):
        if _is_finished(files, composition):
            return  # by another call of the sweep, a moment ago
        try:
            with to_its_end():
                composition.write(files.config)
                typed = shlex.join(["python", "-m", "pipelines.train", *overrides])
                result = run(composition.config, files, {"sweep": sweep, "command": typed}, command)
        except Exception as error:
            write_text(files.root / _TRACEBACK, traceback.format_exc())
            fail(files, overrides, str(as_user_error(error) or f"{type(error).__name__}: {error}"))
        else:
            RESULT.write(files.root, {"overrides": list(overrides), **result})
            remove(files.root / _TRACEBACK)


if __name__ == "__main__":
    with one_sentence():
        _main(*sys.argv[1:])
