"""A contestant that ends, is silent, or answers nonsense is given up with the reason, and its process is ended."""

import sys

import psutil
import pytest

from echo_rnn import child_process
from echo_rnn.benchmark.measure.process import LostError, Process

HELLO = 'import os, sys, time\nprint(\'{"unit": 2, "version": "one"}\', flush=True)\n'
READ = "line = sys.stdin.readline()\n"


def start(text, tmp_path, seconds=None):
    (tmp_path / "program.py").write_text(text)
    return Process([sys.executable, str(tmp_path / "program.py")], 1, seconds)


def children():
    return [child for child in psutil.Process().children() if "program.py" in " ".join(child.cmdline())]


def test_it_answers_each_question(tmp_path):
    answer = "for line in sys.stdin:\n    print('{\"losses\": [0.5, 1]}', flush=True)\n"
    with start(HELLO + answer, tmp_path) as process:
        assert (process.unit, process.ready["version"]) == (2, "one")
        assert process.run(3) == process.run(1) == [0.5, 1]
        assert len(children()) == 1
    assert children() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit('no such thing')", "no such thing"),
        ("print('[1]', flush=True)", "expected a line of JSON, got '\\[1\\]'"),
        ("print('{}', flush=True)", "expected its version and unit, got"),
        ("print('Welcome!', flush=True)", "expected a line of JSON, got 'Welcome!'"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_one_that_does_not_become_ready_is_lost(text, reason, tmp_path):
    with pytest.raises(LostError, match=reason), start(text, tmp_path):
        pass
    assert children() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (READ + "os.kill(os.getpid(), 11)", "a process that SIGSEGV ended"),
        (READ + "raise ValueError('no room')", "ValueError: no room"),
        (READ + "print('done', flush=True)", "expected a line of JSON, got 'done'"),
        (READ + 'print(\'{"losses": ["low"]}\', flush=True)', "expected losses, got \\['low'\\]"),
        (READ + "print('{}', flush=True)", "expected losses, got None"),
    ],
)
def test_one_that_fails_in_a_run_is_lost(text, reason, tmp_path):
    with start(HELLO + text, tmp_path) as process, pytest.raises(LostError, match=reason):
        process.run(1)
    assert children() == []


def test_one_that_closes_its_output_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(child_process, "_END_SECONDS", 0.2)
    text = HELLO + READ + "os.close(1)\ntime.sleep(60)"
    with start(text, tmp_path) as process, pytest.raises(LostError, match="runs but closed its output"):
        process.run(1)
    assert children() == []


@pytest.mark.parametrize(("answered", "reason"), [(0, "not ready within 0 s"), (1, "no answer within 0 s")])
def test_one_that_does_not_answer_in_time_is_lost_and_said_to_be_late_or_never_ready(tmp_path, answered, reason):
    answer = READ + "print('{\"losses\": []}', flush=True)\n"
    with start(HELLO + answer * answered + READ + "time.sleep(60)", tmp_path, seconds=30) as process:
        for _ in range(answered):
            process.run(1)
        process._seconds = 0.2
        with pytest.raises(LostError, match=reason):
            process.run(1)
    assert children() == []


def test_lines_of_progress_come_before_the_first_answer(tmp_path):
    (tmp_path / "program.py").write_text('print(\'{"slot": "one"}\', flush=True)\n' + HELLO)
    reports = []
    with Process([sys.executable, str(tmp_path / "program.py")], 1, report=reports.append) as process:
        assert process.unit == 2
    assert reports == [{"slot": "one"}]
