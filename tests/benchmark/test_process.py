"""A real measuring process: its record, its progress, and what is left of it when it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import psutil
import pytest

from echo_rnn.benchmark.measure import fingerprint
from echo_rnn.benchmark.measure.records import CONTROL, read
from echo_rnn.benchmark.measure.request import Request
from echo_rnn.benchmark.measure.request import read as read_request
from echo_rnn.benchmark.measure.run import measure
from echo_rnn.errors import UserError
from tests.benchmark.shapes import tiny

REQUEST = Request(tiny(layers=1), ("static",), rounds=4, minimum_seconds=2e-3, seed=5)
ENDLESS = replace(REQUEST, rounds=10**6)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    path, said = tmp_path_factory.mktemp("records") / "shape" / "one-0.json", []
    return measure(REQUEST, path, said.append), path, said


def test_a_process_writes_a_readable_record(measured):
    record, path, _ = measured
    assert read(path) == record
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert record.shape == REQUEST.shape
    assert record.fingerprint == fingerprint.fingerprint()
    assert record.peak_gflops > 1
    assert record.environment["hardware.cpu"]
    assert list(record.prepared) == ["dynamic", "static", CONTROL]
    assert all(prepared.equal for prepared in record.prepared.values())
    assert len(record.samples) == 4 * 3 * 2
    assert record.memory_bytes == {}


def test_a_process_tells_how_far_it_is(measured):
    _, _, said = measured
    assert [progress["slot"] for progress in said[:3]] == ["dynamic", "static", CONTROL]
    assert said[3:] == [{"round": number, "of": 4} for number in (1, 2, 3, 4)]


def test_a_refused_request_is_the_sentence_of_the_process(tmp_path):
    with pytest.raises(UserError, match=r"^benchmark of lstm-L1.*expected one of static.*got 'nonsense'") as caught:
        measure(replace(REQUEST, labels=("nonsense",)), tmp_path / "one.json")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def start(folder, *arguments):
    """An endless measurement, in the midst of its rounds."""
    ENDLESS.write(folder / "request.json")
    command = [
        sys.executable,
        "-m",
        "echo_rnn.benchmark.measure.process",
        "request.json",
        "records/one.json",
        *arguments,
    ]
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while "round" not in json.loads(process.stdout.readline()):
        pass
    return process


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGINT, signal.SIGKILL))],
)
def test_a_process_that_is_killed_leaves_no_file(tmp_path, number):
    with start(tmp_path) as process:
        process.send_signal(number)
        process.stdout.read()
        code = process.wait(timeout=20)
    assert code == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    assert [entry.name for entry in tmp_path.rglob("*")] == ["request.json"]


@pytest.mark.slow
def test_a_process_ends_with_its_parent(tmp_path):
    with start(tmp_path, "--with-parent") as process:
        process.stdin.close()
        process.stdout.read()
        assert process.wait(timeout=20) == 1
    assert [entry.name for entry in tmp_path.rglob("*")] == ["request.json"]


def measuring():
    """Measuring processes of this one."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "echo_rnn.benchmark.measure.process" in child.cmdline()]


@pytest.mark.slow
def test_an_interrupted_parent_takes_its_process_along(tmp_path):
    def interrupt(progress):
        assert len(measuring()) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(ENDLESS, tmp_path / "one.json", interrupt)
    assert measuring() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_process_that_the_system_kills_is_told_with_the_likely_reason(tmp_path):
    def kill(progress):
        os.kill(measuring()[0].pid, signal.SIGKILL)
        time.sleep(0.1)

    with pytest.raises(UserError, match="SIGKILL ended, which is what the system does where memory runs out"):
        measure(ENDLESS, tmp_path / "one.json", kill)


@pytest.mark.slow
def test_the_process_runs_the_code_that_runs_here(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    (tmp_path / "other" / "echo_rnn").mkdir(parents=True)
    (tmp_path / "other" / "echo_rnn" / "__init__.py").write_text("raise SystemExit('another one')")
    assert measure(replace(REQUEST, rounds=1, peak=False), tmp_path / "one.json").samples


@pytest.mark.slow
def test_peak_memory_grows_with_what_is_stored(tmp_path):
    def raised(window, label="dynamic"):
        shape = tiny(units=64, batch_size=64, window=window)
        record = measure(Request(shape, memory=label), tmp_path / "one.json")
        assert record.samples == []
        return record.memory_bytes[label]

    stored = 8 * 2 * 64 * 64 * 4  # bytes for each time step
    grown = raised(600) - raised(100)
    assert 0.8 * 500 * stored < grown < 3 * 500 * stored
    assert raised(600, "checkpointed") < raised(600) - 0.5 * 600 * stored


def test_a_request_comes_back_as_it_was_written(tmp_path):
    request = replace(REQUEST, budget_seconds=3.5, memory="static")
    request.write(tmp_path / "request.json")
    assert read_request(tmp_path / "request.json") == request


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shape": {}}', json.dumps({"shape": asdict(tiny()), "more": 1})])
def test_what_is_no_request_is_refused(tmp_path, text):
    (tmp_path / "request.json").write_text(text)
    with pytest.raises(UserError, match="expected a benchmark request"):
        read_request(tmp_path / "request.json")
