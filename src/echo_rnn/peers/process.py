"""A contestant's process: started, asked, given up when it does not answer, ended in any case."""

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import echo_rnn

_HELLO_SECONDS = 900.0  # imports
_RUN_SECONDS = 900.0  # the first run compiles
_END_SECONDS = 10.0


class LostError(Exception):
    """A contestant that cannot be measured, and why, in a few words."""


class Process:
    """One contestant at work; a context that ends it."""

    def __init__(self, command: Sequence[str], threads: int) -> None:
        """Starts it and waits until it is ready.

        Args:
            command: The program and its arguments.
            threads: How many it may use.

        Raises:
            LostError: It did not become ready.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (ended by `_end`)
        try:
            self._process = subprocess.Popen(
                command,
                env=os.environ | _variables(threads),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        except OSError as error:
            raise LostError(f"expected the program {command[0]}, got {error.strerror}") from None
        self._said = b""
        try:
            hello = self._answer(_HELLO_SECONDS)
            self.unit, self.version = int(hello["unit"]), str(hello["version"])
        except (LostError, KeyError, TypeError, ValueError) as error:
            self._end()
            raise (
                error if isinstance(error, LostError) else LostError("expected a greeting, got something else")
            ) from None

    def run(self, units: int) -> list[float]:
        """Has it run so many units; gives the losses it tells.

        Raises:
            LostError: It died, said something else, or took too long.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"run": units}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise LostError(self._last_word()) from None
        losses = self._answer(_RUN_SECONDS).get("losses")
        if not isinstance(losses, list) or not all(isinstance(loss, int | float) for loss in losses):
            raise LostError(f"expected losses, got {losses!r:.60}")
        return losses

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._said:
                if not selector.select(deadline - time.monotonic()):
                    raise LostError(f"expected an answer within {seconds:.0f} s, got none")
                piece = os.read(self._process.stdout.fileno(), 2**16)
                if not piece:
                    raise LostError(self._last_word())
                self._said += piece
        line, _, self._said = self._said.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise LostError(f"expected a line of JSON, got {line.decode(errors='replace')!r:.60}")
        return answer

    def _last_word(self) -> str:
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "expected an answer, got a process that lives but closed its output or input"
        if code < 0:
            return f"expected an answer, got a process that {signal.Signals(-code).name} ended"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"expected an answer, got exit code {code}"

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def _variables(threads: int) -> Mapping[str, str]:
    """What every contestant's environment has in common: our code, so many threads, no accelerator."""
    source = str(Path(echo_rnn.__file__).parents[1])
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH")))),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # Threads that spin while they wait take the cores from whoever else is at work, PyTorch's own others included.
        "OMP_WAIT_POLICY": "passive",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "JAX_TRACEBACK_FILTERING": "off",  # its note about that would be the last word
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
