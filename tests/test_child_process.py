"""A child process never outlives its parent, and how it ended is told in a few words."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from echo_rnn.child_process import Child, exit_reason

ECHO = "import sys\nfor line in sys.stdin:\n    print(line.strip() * 2, flush=True)\n"
# A parent that starts a child of this kind, prints its process id, and is then killed.
PARENT = """
import sys, time
from echo_rnn.child_process import Child
child = Child([sys.executable, "-c", sys.argv[1]])
print(child.read_line(), flush=True)
time.sleep(60)
"""


def python(text, **options):
    return Child([sys.executable, "-c", text], **options)


def test_it_answers_line_by_line_and_is_killed_with_its_block():
    before = psutil.Process().children()  # of other tests in this process
    with python(ECHO) as child:
        for word in ("one", "two"):
            child.write_line(word)
            assert child.read_line(30) == 2 * word
        (process,) = set(psutil.Process().children()) - set(before)
    assert not process.is_running()


def test_a_program_that_is_missing_is_an_error():
    with pytest.raises(FileNotFoundError):
        Child(["no-such-program"])


def test_no_line_within_the_time_is_a_timeout():
    with python("import time; time.sleep(60)") as child, pytest.raises(TimeoutError):
        child.read_line(0.1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit('error[user.error]: no such thing')", "no such thing"),
        ("raise SystemExit(3)", "exit code 3"),
        ("import sys; sys.exit('x' * 10**6 + '\\nlast')", "last"),
        ("import os; os.kill(os.getpid(), 11)", "a process that SIGSEGV ended"),
        ("import os; os.kill(os.getpid(), 9)", "a process that SIGKILL ended, which is what the system does where"),
    ],
)
def test_its_ending_has_a_reason(text, reason):
    with python(text) as child:
        assert child.read_line() is None
        assert child.ending().startswith(reason)


@pytest.mark.parametrize(("code", "reason"), [(4, "exit code 4"), (143, "a process that SIGTERM ended")])
def test_an_exit_code_of_a_shell_is_a_signal_too(code, reason):
    assert exit_reason(code) == reason


def test_its_variables_are_those_of_this_process_and_its_own(monkeypatch):
    monkeypatch.setenv("ONE", "1")
    with python("import os; print(os.environ['ONE'] + os.environ['TWO'], flush=True)", variables={"TWO": "2"}) as child:
        assert child.read_line() == "12"


def test_it_runs_the_package_that_runs_here(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "echo_rnn").mkdir()
    (tmp_path / "echo_rnn" / "__init__.py").write_text("raise SystemExit('another one')")
    with python("import echo_rnn; print('here', flush=True)") as child:
        assert child.read_line() == "here"


def test_what_interrupts_the_wait_reaches_the_child_first():
    handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))"
    text = f"import signal, sys, time\n{handler}\nprint('ready', flush=True)\ntime.sleep(60)"

    def stop(number, frame):
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with python(text) as child, pytest.raises(InterruptedError):
            assert child.read_line() == "ready"
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            child.wait()
        assert child._process.returncode == 5
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_parent_that_passes_a_signal_on_and_is_killed_leaves_a_child_that_saves(tmp_path):
    child = f"""
import pathlib, time
from echo_rnn.child_process import end_with_parent
from echo_rnn.errors import Terminated, one_sentence
with one_sentence():
    try:
        end_with_parent()
        print("ready", flush=True)
        time.sleep(60)
    except Terminated:
        time.sleep(1)  # it saves
        pathlib.Path({str(tmp_path / "saved")!r}).touch()
        raise
"""
    parent = """
import os, signal, sys
from echo_rnn.child_process import Child
child = Child([sys.executable, "-c", sys.argv[1]])
child.read_line()
print(child._process.pid, flush=True)
child.terminate()
sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent, child], **pipes, text=True) as process:
        number = int(process.stdout.readline())
        time.sleep(0.2)
        process.kill()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (tmp_path / "saved").exists()


def test_signals_of_a_cluster_for_its_parent_do_not_end_it():
    with python(ECHO) as child:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(child._process.pid, number)
        child.write_line("one")
        assert child.read_line(30) == "oneone"
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGUSR1, signal.SIGUSR2}


@pytest.mark.parametrize("watch", ["end_with_parent()", "lines_of_parent()"])
def test_a_child_that_watches_ends_with_a_parent_that_is_killed(watch):
    child = f"""
import os, time
from echo_rnn.child_process import end_with_parent, lines_of_parent
{watch}
print(os.getpid(), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True) as parent:
        number = int(parent.stdout.readline())
        assert psutil.pid_exists(number)
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
