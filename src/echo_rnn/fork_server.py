"""A process that has imported slow libraries, and becomes in each of its forks a program that it is asked for.

A program begins after 0.1 s in place of three. The server computes nothing, since threads do not survive a fork. What
differs from a fresh process: settings that the libraries read while they are imported are the server's, and forks of
one server share the seed of string hashes and the layout of addresses. A measurement needs fresh processes.

The client is `echo_rnn.forked`.
"""

import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import warnings
from typing import Any


def serve(control: socket.socket) -> None:
    """Runs a program in a fork for each request, until nobody can ask any more.

    It returns in forks only, when their program has ended; what calls it must then end, too. A request has four
    descriptors: three standard ones, and a pipe in which the fork writes its number and the server its exit status.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A cluster that cancels a job sends it to all its processes; this one tells how the others have ended.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # else each fork would copy all pages of objects when it collects garbage
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads; those of libraries sleep
        words = _become(*_next(control))
    # From here on the fork ends as any process does.
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _next(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Returns in each fork, with its request."""
    ended, interrupted = os.pipe()
    for end in (ended, interrupted):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(interrupted)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pipes: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if ended in ready:
                os.read(ended, 4096)
                _tell(pipes)
            if control not in ready:
                continue
            message, descriptors, _, _ = socket.recv_fds(control, 2**20, 4)
            if not message:
                os._exit(0)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGCHLD, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)
                for other in (control.detach(), ended, interrupted, *pipes.values()):
                    os.close(other)
                return json.loads(message), descriptors
            *standard, pipes[pid] = descriptors
            for descriptor in standard:
                os.close(descriptor)


def _tell(pipes: dict[int, int]) -> None:
    """Writes the status of each fork that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with contextlib.suppress(BrokenPipeError):
                os.write(pipes[pid], f"{status}\n".encode())
            os.close(pipes.pop(pid))


def _become(request: dict[str, Any], descriptors: list[int]) -> list[str]:
    """Makes this fork what `python -m MODULE ARGUMENTS...` is before it imports the module; returns these words."""
    os.setsid()
    *standard, told = descriptors
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)  # which has looked at what was open when the server began
        new = open(number, old.mode, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115
        new.reconfigure(line_buffering=old.line_buffering)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    try:
        os.write(told, f"{os.getpid()}\n".encode())
    except BrokenPipeError:
        os._exit(0)  # what asked has ended meanwhile
    os.close(told)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    tempfile.tempdir = None
    words: list[str] = request["words"]
    sys.orig_argv[1:] = ["-m", *words]
    sys.argv[:] = ["-m", *words[1:]]
    sys.path.insert(0, request["folder"])
    return words
