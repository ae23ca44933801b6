"""Child processes that never outlive their parent, and how they ended.

A child's standard input is a pipe that its parent holds open: it ends when the parent does, however that ends. A child
that calls `end_with_parent` or `lines_of_parent` first thing ends then, too.
"""

import os
import queue
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from echo_rnn.errors import parse_line
from echo_rnn.forked import Forked, ForkServer, without_user_signals

_MOST_ERROR_BYTES = 2**16  # of the end of a child's standard error
_END_SECONDS = 10.0


class Child:
    """A child process; a context that kills it at its end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        variables: Mapping[str, str] | None = None,
        captured: bool = True,
        server: ForkServer | None = None,
    ) -> None:
        """Starts it. It runs the package that runs here, installed or not.

        Args:
            command: The program and its arguments.
            variables: Of its environment, besides those of this process.
            captured: Whether `read_line` has its output and `ending` its errors. Else it shares those of this process,
                but has a session of its own: Ctrl-C does not reach it from the terminal, and `wait` passes it on.
            server: One of its forks becomes the command, which is `python -m …`; without it a fresh process does, as
                where the server has ended.

        Raises:
            OSError: There is no such program.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `__exit__`)
        self._read = b""
        options: dict[str, Any] = {
            "env": inherited() | dict(variables or {}),
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE if captured else None,
            "stderr": self._errors if captured else None,
            "start_new_session": not captured,
        }
        try:
            self._process = _started(command, server, options)
        except OSError:
            self._errors.close()
            raise

    def write_line(self, text: str) -> None:
        """Sends a line to its standard input.

        Raises:
            OSError: It has ended or closed its input.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")
        self._process.stdin.flush()

    def read_line(self, seconds: float | None = None) -> str | None:
        """The next line of its standard output; `None` where that has ended.

        Raises:
            TimeoutError: There was none within `seconds`.
        """
        assert self._process.stdout is not None
        deadline = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._read:
                if not selector.select(None if deadline is None else deadline - time.monotonic()):
                    raise TimeoutError
                piece = os.read(self._process.stdout.fileno(), 2**16)
                if not piece:
                    return None
                self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace")

    def wait(self) -> int:
        """Its exit code; what interrupts the wait is passed on to the child, which ends first."""
        try:
            return self._process.wait()
        except BaseException as error:
            self._process.send_signal(signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM)
            self._process.wait()
            raise

    def terminate(self) -> None:
        """Sends it SIGTERM, where it has not ended."""
        self._process.terminate()

    def ending(self) -> str:
        """Why its output ended: the signal, the last line of its standard error, or its exit code."""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "a process that runs but closed its output or input"
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _MOST_ERROR_BYTES))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return str(parse_line(lines[-1]) or lines[-1]) if lines and code >= 0 else exit_reason(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def inherited() -> dict[str, str]:
    """The variables of this process, with which a child finds the package that runs here."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path}


def _started(command: Sequence[str], server: ForkServer | None, options: Mapping[str, Any]) -> subprocess.Popen[Any]:
    if server is not None:
        with suppress(OSError):
            return Forked(server, command, **options)
    with without_user_signals():
        return subprocess.Popen(command, **options)


def exit_reason(code: int) -> str:
    """An exit code in words: the signal that ended the process, directly or as a shell reports it, or the number."""
    number = -code if code < 0 else code - 128
    if number not in list(signal.Signals):
        return f"exit code {code}"
    hint = ", which is what the system does where memory runs out" if number == signal.SIGKILL else ""
    return f"a process that {signal.Signals(number).name} ended{hint}"


def end_with_parent() -> Iterator[bytes]:
    """From now on this process is terminated when its parent ends; `SIGTERM`, so that it can save first.

    A parent that has passed a signal on may be killed a moment later: who saves already goes on, since the next signal
    would end it at once.

    Returns:
        The lines that the parent sends.
    """
    has_handler = signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL

    def end() -> None:
        if not has_handler or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            os.kill(os.getpid(), signal.SIGTERM)

    return _lines(end)


def lines_of_parent() -> Iterator[bytes]:
    """The lines that the parent sends; this process is ended at once, whatever it does, when the parent ends."""
    return _lines(lambda: os._exit(1))


def _lines(at_end: Callable[[], None]) -> Iterator[bytes]:
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def end() -> None:
        at_end()
        lines.put(None)  # for who waits for an answer

    threading.Thread(target=_watch, args=(end, lines.put), daemon=True).start()
    return iter(lines.get, None)


def _watch(at_end: Callable[[], None], on_line: Callable[[bytes], None]) -> None:
    # Not `sys.stdin`: this thread would hold its lock when the interpreter ends.
    rest = b""
    while piece := os.read(0, 4096):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            on_line(line)
    at_end()
