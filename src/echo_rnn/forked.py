"""Programs in forks of a process that has imported slow libraries: see `echo_rnn.fork_server`."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def without_user_signals() -> Iterator[None]:
    """A process that is started inside the block, and those that it starts, never see SIGUSR1 and SIGUSR2.

    A cluster sends them to all processes of a job, for the one that started it; any other would die of them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class ForkServer:
    """A server, and the end of its socket at which programs are asked for; it ends when this process does."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        """Starts it.

        Args:
            command: The server; the number of its socket is appended.
            variables: Its environment, this process's where it is `None`.
        """
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, without_user_signals():
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                env=variables,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C of a terminal does not end it
            )
        atexit.register(self.close)

    def ask(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Asks for a program."""
        with self._lock:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)

    def close(self) -> None:
        """Ends the server, and no program."""
        self._control.close()
        self._process.wait()


class Forked(subprocess.Popen[Any]):
    """`python -m MODULE ARGUMENTS ...` in a session of its own, in a fork of a server.

    `Popen` has no public place for another way to start a process and to wait for it; these methods are the same in all
    versions of Python that are supported.
    """

    def __init__(self, server: ForkServer, command: Sequence[str], **options: Any) -> None:
        """Starts it.

        Args:
            server: The server.
            command: An interpreter, which is not looked at, `-m`, the module and its arguments.
            options: As `Popen` takes them.

        Raises:
            OSError: The server has ended.
        """
        self._server = server
        super().__init__(command, **options)

    def _execute_child(self, *given: Any) -> None:
        command, _, _, _, _, folder, variables, _, _, _, *pipes = given
        in_, _, _, out, _, err = pipes[:6]
        ours, theirs = os.pipe()
        self._told = os.fdopen(ours, "rb", buffering=0)
        request = {
            "words": list(command[2:]),
            "folder": os.fspath(folder or Path.cwd()),
            "variables": dict(os.environ if variables is None else variables),
        }
        try:
            with Path(os.devnull).open("rb") as nothing:
                standard = [nothing.fileno() if in_ == -1 else in_, 1 if out == -1 else out, 2 if err == -1 else err]
                self._server.ask(request, [*standard, theirs])
        finally:
            os.close(theirs)
            self._close_pipe_fds(*pipes[:6])  # type: ignore[attr-defined]
        self.pid = int(self._line())
        self._child_created = True

    def _line(self) -> bytes:
        line = self._told.readline()
        if not line:
            raise OSError(0, "the process that forks has ended")
        return line

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if wait_flags & os.WNOHANG and not select.select([self._told], [], [], 0)[0]:
            return 0, 0
        status = int(self._line())
        self._told.close()  # nothing more is told
        return self.pid, status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode
