"""Has one measuring process do its work, and gives its record."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import echo_rnn
from echo_rnn.benchmark.measure import records
from echo_rnn.benchmark.measure.records import Record
from echo_rnn.benchmark.measure.request import Request
from echo_rnn.errors import UserError, parse_line


def measure(
    request: Request, path: Path, on_progress: Callable[[dict[str, Any]], None] = lambda progress: None
) -> Record:
    """Measures in a fresh process.

    Args:
        request: What to measure.
        path: Where the process keeps its record.
        on_progress: Told what the process says of itself; see `echo_rnn.benchmark.measure.process`.

    Raises:
        UserError: The process failed; its last word is the reason.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        asked = Path(folder) / "request.json"
        request.write(asked)
        command = [sys.executable, "-m", "echo_rnn.benchmark.measure.process", str(asked), str(path), "--with-parent"]
        process = subprocess.Popen(
            command, env=_variables(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            _follow(process, on_progress)
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
        if code:
            raise UserError(f"benchmark of {request.shape.key}: {_reason(code, errors)}")
    return records.read(path)


def _follow(process: subprocess.Popen[str], on_progress: Callable[[dict[str, Any]], None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            progress = json.loads(line)
        except ValueError:
            continue
        if isinstance(progress, dict):
            on_progress(progress)


def _variables() -> dict[str, str]:
    """The child runs the code that runs here, be it installed or not."""
    source = str(Path(echo_rnn.__file__).parents[1])
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}


def _reason(code: int, errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    if code < 0:
        hint = ", which is what the system does where memory runs out" if code == -signal.SIGKILL else ""
        return f"expected a record, got a process that {signal.Signals(-code).name} ended{hint}"
    return str(parse_line(lines[-1]) or lines[-1]) if lines else f"expected a record, got exit code {code}"
