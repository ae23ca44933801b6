"""A program in a fork of a server is a process as `python -m` starts it: words, folder, variables, pipes, ends."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from echo_rnn.child_process import Child
from echo_rnn.forked import Forked, ForkServer

SERVES = "import socket, sys; from echo_rnn.fork_server import serve; serve(socket.socket(fileno=int(sys.argv[1])))"
PROGRAM = """
import os, sys, time
if __name__ == "__main__":
    what = sys.argv[1]
    if what == "tell":
        print(sys.argv[2:], os.getcwd(), os.environ.get("MINE"), os.environ.get("PATH"), os.getsid(0) == os.getpid())
        print(__file__ == sys.argv[0], sys.stdin.read())
        print("error", file=sys.stderr)
    elif what == "exit":
        sys.exit(int(sys.argv[2]))
    elif what == "raise":
        import atexit
        atexit.register(print, "at exit")
        raise ValueError("wrong")
    else:
        print("here", flush=True)
        time.sleep(100)
"""
PIPES = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}


@pytest.fixture(scope="module")
def server():
    server = ForkServer([sys.executable, "-c", SERVES])
    yield server
    server.close()


@pytest.fixture
def started(server, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def start(*words, server=server, **options):
        options = {"cwd": tmp_path, "text": True, **PIPES, **options}
        return Forked(server, [sys.executable, "-m", "program", *words], **options)

    return start


def test_it_has_its_words_folder_variables_and_pipes(started, tmp_path):
    out, err = started("tell", "a", "b c", env={"MINE": "1"}).communicate("typed")
    assert out == f"['a', 'b c'] {tmp_path} 1 None True\nTrue typed\n"
    assert err == "error\n"


@pytest.mark.parametrize("code", [0, 3])
def test_its_exit_code_is_known(started, code):
    process = started("exit", str(code))
    assert process.wait(20) == code
    assert process.poll() == code


def test_what_it_raises_is_printed_and_what_it_does_at_its_exit_is_done(started):
    process = started("raise")
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "at exit\n")
    assert err.endswith("ValueError: wrong\n")


def test_a_program_whose_asker_has_ended_does_not_begin(server, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    request = {"words": ["program", "tell"], "folder": str(tmp_path), "variables": {}}
    (theirs, told), (ours, out) = os.pipe(), os.pipe()
    os.close(theirs)
    server.ask(request, [0, out, out, told])
    for end in (told, out):
        os.close(end)
    with os.fdopen(ours, "rb") as printed:
        assert printed.read() == b""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_signals_are_for_it_alone(started, number):
    with started("sleep") as first, started("sleep") as second:
        assert [process.stdout.readline() for process in (first, second)] == ["here\n"] * 2
        assert first.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            first.wait(0.01)
        os.killpg(first.pid, number)
        assert first.wait(20) == -number
        assert second.poll() is None
        second.kill()


def test_signals_of_a_cluster_end_no_server_and_no_user_signal_ends_a_program(started, server):
    with started("sleep") as process:
        process.stdout.readline()
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            os.kill(server._process.pid, number)
            if number != signal.SIGTERM:
                os.kill(process.pid, number)
        assert started("exit", "3").wait(20) == 3
        process.terminate()
        assert process.wait(20) == -signal.SIGTERM


def test_its_pipes_close_with_it_whatever_else_was_forked(started):
    first = started("sleep")
    first.stdout.readline()
    with started("sleep") as second:
        second.stdout.readline()
        first.kill()
        assert first.stdout.read() == ""
        second.kill()


def test_the_server_ends_with_the_process_that_started_it():
    code = f"""
import sys
from echo_rnn.forked import ForkServer
print(ForkServer([sys.executable, "-c", {SERVES!r}])._process.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as process:
        server = psutil.Process(int(process.stdout.readline()))
        process.kill()
    server.wait(20)


def test_where_the_server_has_ended_a_fresh_process_does_the_work():
    server = ForkServer([sys.executable, "-c", SERVES])
    server._process.kill()
    server._process.wait()
    with Child([sys.executable, "-m", "platform"], server=server) as child:
        assert child.read_line(60)
