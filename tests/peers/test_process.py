"""A contestant that dies, is silent, or talks nonsense is given up with the reason, and leaves no process."""

import sys

import psutil
import pytest

from echo_rnn.peers import process as module
from echo_rnn.peers.process import LostError, Process

HELLO = 'import os, sys, time\nprint(\'{"unit": 2, "version": "one"}\', flush=True)\n'
READ = "line = sys.stdin.readline()\n"


def start(text, tmp_path):
    (tmp_path / "program.py").write_text(text)
    return Process([sys.executable, str(tmp_path / "program.py")], 1)


def children():
    return [child for child in psutil.Process().children() if "program.py" in " ".join(child.cmdline())]


def test_it_answers_as_often_as_it_is_asked(tmp_path):
    answer = "for line in sys.stdin:\n    print('{\"losses\": [0.5, 1]}', flush=True)\n"
    with start(HELLO + answer, tmp_path) as process:
        assert (process.unit, process.version) == (2, "one")
        assert process.run(3) == process.run(1) == [0.5, 1]
        assert len(children()) == 1
    assert children() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit('no such thing')", "no such thing"),
        ("print('[1]', flush=True)", "expected a line of JSON, got '\\[1\\]'"),
        ("print('{}', flush=True)", "expected a greeting, got something else"),
        ("print('Welcome!', flush=True)", "expected a line of JSON, got 'Welcome!'"),
        ("raise SystemExit(3)", "expected an answer, got exit code 3"),
    ],
)
def test_who_does_not_become_ready_is_lost(text, reason, tmp_path):
    with pytest.raises(LostError, match=reason):
        start(text, tmp_path)
    assert children() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (READ + "os.kill(os.getpid(), 11)", "expected an answer, got a process that SIGSEGV ended"),
        (READ + "raise ValueError('no room')", "ValueError: no room"),
        (READ + "print('done', flush=True)", "expected a line of JSON, got 'done'"),
        (READ + 'print(\'{"losses": ["low"]}\', flush=True)', "expected losses, got \\['low'\\]"),
        (READ + "print('{}', flush=True)", "expected losses, got None"),
    ],
)
def test_who_fails_at_work_is_lost(text, reason, tmp_path):
    with start(HELLO + text, tmp_path) as process, pytest.raises(LostError, match=reason):
        process.run(1)
    assert children() == []


@pytest.mark.parametrize(
    ("limit", "text", "reason"),
    [
        ("_END_SECONDS", READ + "os.close(1)\ntime.sleep(60)", "got a process that lives but closed its output"),
        ("_RUN_SECONDS", READ + "time.sleep(60)", "within 0 s, got none"),
    ],
)
def test_who_lives_and_does_not_answer_is_lost(limit, text, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(module, limit, 0.2)
    with start(HELLO + text, tmp_path) as process, pytest.raises(LostError, match=reason):
        process.run(1)
    assert children() == []
