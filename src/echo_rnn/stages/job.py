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
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from echo_rnn.child_process import Child, end_with_parent, exit_reason
from echo_rnn.config import Composition, Config
from echo_rnn.errors import as_user_error, one_sentence, termination_raises, to_its_end
from echo_rnn.files import remove, write_text
from echo_rnn.manifest import Manifest
from echo_rnn.stages import evaluate, generate, train
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
_TRACEBACK = "traceback.txt"


def run(config: Config, files: Layout, tags: Mapping[str, str], command: str) -> Result:
    """Generates, trains and evaluates in the folder of `files`; returns what a sweep's table needs.

    The run has `tags`, too; `command` resumes the training after a stop, for the message.
    """
    with alone(files.root, "job"):
        require_memory(config)
        generate.run(config, files)
        store = store_of(config.tracking)
        trained = train.run(config, files, store, choose_strategy(config), tags=tags, command=command)
        # Opened again: a server may have gone meanwhile, and then the run is resumed from its outbox.
        metrics = evaluate.run(config, files, store_of(config.tracking))
    return {"run_id": trained.run_id, "seed": config.seed, "speed": trained.speed, "metrics": metrics}


def run_in_child(composition: Composition, files: Layout, sweep: str, overrides: Sequence[str]) -> None:
    """Does the work of a job in a child process; the job has a result however that ends.

    A request to stop is passed on, and the child saves first.

    Raises:
        UserError: Another process owns the folder.
    """
    with alone(files.root, "job"):
        remove(files.root / RESULT.name)  # of a job that failed before
    command = [sys.executable, "-m", "echo_rnn.stages.job", str(files.root), sweep, *overrides]
    with termination_raises(), Child(command, captured=False, server=job_server()) as child:
        child.write_line(json.dumps(composition.tree))
        code = child.wait()
    if not (files.root / RESULT.name).exists():
        fail(files, overrides, f"expected a result, got {exit_reason(code)}")


def fail(files: Layout, overrides: Sequence[str], reason: str) -> None:
    """Writes down why a job has no numbers."""
    print(f"failed: {shlex.join(overrides)}: {reason}")
    with alone(files.root, "job"):
        RESULT.write(files.root, {"overrides": list(overrides), "error": reason})


def _main(root: str, sweep: str, *overrides: str) -> None:
    composition = Composition.of(json.loads(next(end_with_parent())))
    files = Layout(Path(root))
    command = f"the same sweep with hydra.sweep.dir={os.path.relpath(files.root.parent)}"
    with alone(files.root, "job"):
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
