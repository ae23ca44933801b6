"""The work of a job outside DVC: here, or in a process of its own.

    python -m pipelines.work FOLDER SWEEP OVERRIDE ...        a job of a sweep; its configuration lies in FOLDER

Each job of a sweep has its own process: one that crashes, or that the system kills where memory runs out, takes nothing
with it, and TensorFlow starts afresh, so that a job gives the same bits in a sweep as alone.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from echo_rnn.config import Config, read
from echo_rnn.errors import as_user_error, one_sentence
from echo_rnn.files import write_text
from echo_rnn.stages.layout import Layout
from echo_rnn.stages.summary import RESULT, Result
from echo_rnn.tracking.termination import termination_raises
from pipelines import evaluate, generate, train


def work(config: Config, files: Layout, tags: Mapping[str, str]) -> Result:
    """Generates, trains and evaluates in the folder of `files`; gives what a sweep's table needs."""
    generate.run(config, files)
    run_id = train.run(config, files, tags)
    return {"run_id": run_id, "seed": config.seed, "metrics": evaluate.run(config, files)}


def work_apart(files: Layout, sweep: str, overrides: Sequence[str]) -> None:
    """Has a process of its own do the work of a job; whatever becomes of it, the job's result says so.

    What asks this process to end is handed on, and the other one saves what it has first.
    """
    (files.root / RESULT.name).unlink(missing_ok=True)
    command = [sys.executable, "-m", "pipelines.work", str(files.root), sweep, *overrides]
    with termination_raises():
        # In a session of its own, so that Ctrl-C reaches it once, from here; its input ends when this process does.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        try:
            code = process.wait()
        except BaseException as error:
            process.send_signal(signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM)
            process.wait()
            raise
        finally:
            process.kill()
            process.communicate()
    if not (files.root / RESULT.name).exists():
        fail(files, overrides, _end(code))


def fail(files: Layout, overrides: Sequence[str], reason: str) -> None:
    """Writes down why a job has no numbers."""
    print(f"failed: {shlex.join(overrides)}: {reason}")
    RESULT.write(files.root, {"overrides": list(overrides), "error": reason})


def _end(code: int) -> str:
    """How a process ended that wrote no result."""
    number = -code if code < 0 else code - 128
    if number in list(signal.Signals):
        hint = ", which is what the system does where memory runs out" if number == signal.SIGKILL else ""
        return f"ended by {signal.Signals(number).name}{hint}"
    return f"left with exit code {code} and no result"


def _main(root: str, sweep: str, *overrides: str) -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()
    files = Layout(Path(root))
    try:
        result = work(read(files.config), files, {"sweep": sweep})
    except Exception as error:
        write_text(files.root / "traceback.txt", traceback.format_exc())
        fail(files, overrides, str(as_user_error(error) or f"{type(error).__name__}: {error}"))
    else:
        RESULT.write(files.root, {"overrides": list(overrides), **result})


def _end_with_input() -> None:
    # Not `sys.stdin`, whose lock this thread would hold when the interpreter ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    with one_sentence():
        _main(*sys.argv[1:])
