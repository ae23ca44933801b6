"""The process of our strategies: what it finds out before they are timed, and what is left of it when it is killed."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from echo_rnn.benchmark.measure import ours, workload
from echo_rnn.benchmark.measure.contestants import strategies
from echo_rnn.benchmark.measure.ours import build
from echo_rnn.benchmark.measure.process import Process
from echo_rnn.benchmark.measure.records import CONTROL, REFERENCE
from echo_rnn.benchmark.measure.session import measure
from echo_rnn.benchmark.measure.timing import Rounds
from echo_rnn.benchmark.measure.whole import measure_memory
from echo_rnn.child_process import Child
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.static import static
from echo_rnn.errors import UserError
from tests.benchmark.measure.test_parity import cuts_the_gradient_half_way
from tests.benchmark.shapes import tiny

pytestmark = pytest.mark.xdist_group("ours")  # in one process, for its fixtures

SHAPE = tiny(layers=1)
ROUNDS = Rounds(4, 2e-3)
ENDLESS = Rounds(10**6, 2e-3)


def run(rounds=ROUNDS, labels=("static",), report=lambda progress: None):
    return measure(SHAPE, [strategies(SHAPE, labels, 5)], rounds, "fingerprint", report=report)


@pytest.fixture(scope="module")
def measured():
    reports = []
    return run(report=reports.append), reports


def test_strategies_of_one_process_are_measured_with_the_reference_and_its_control(measured):
    record, _ = measured
    assert record.reference == REFERENCE
    assert list(record.prepared) == [REFERENCE, "static", CONTROL]
    assert record.peak_gflops > 1
    assert record.environment["hardware.cpu"]
    assert len(record.samples) == 4 * 3 * 2
    assert all(sample.seconds > 0 for sample in record.samples)
    for prepared in record.prepared.values():
        assert prepared.equal
        assert not prepared.trouble
        assert prepared.warmup_calls > 0
        assert prepared.first_call_seconds > prepared.trace_seconds > 0
        assert prepared.graph_nodes > 0
        assert prepared.version.startswith("tensorflow ")


def test_progress_is_reported_for_each_slot_and_each_round(measured):
    _, reports = measured
    slots = [{"slot": slot} for slot in (REFERENCE, "static", CONTROL)]
    assert reports == [*slots, *({"round": number, "of": 4} for number in (1, 2, 3, 4))]


def test_the_reference_is_measured_once_however_often_it_is_asked_for(tmp_path):
    strategies(SHAPE, ("static", REFERENCE), 0).command(tmp_path)
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["slots"] == {REFERENCE: REFERENCE, "static": "static", CONTROL: REFERENCE}


def test_a_wrong_strategy_is_told_from_a_right_one():
    unrolls = {REFERENCE: dynamic, "static": static, "wrong": cuts_the_gradient_half_way, CONTROL: dynamic}
    _, prepared = build(tiny(), unrolls, workload.draw_data(tiny(), 0), 0)
    assert [slot for slot, own in prepared.items() if not own.equal] == ["wrong"]
    assert prepared["wrong"].largest_error > 0.01
    assert prepared["wrong"].trouble
    assert prepared["static"].largest_error < 1e-5


def test_the_first_strategy_does_not_pay_what_the_first_run_of_anything_costs(monkeypatch, tmp_path):
    order = []
    monkeypatch.setattr(ours, "start_tensorflow", lambda *arguments, **options: None)
    monkeypatch.setattr(workload, "spend_first_costs", lambda *arguments: order.append("first costs"))
    monkeypatch.setattr(ours, "build", lambda *arguments: order.append("build") or ({}, {}))
    *_, file = strategies(SHAPE, (), 0, peak=False).command(tmp_path)
    ours.prepare(Path(file))
    assert order == ["first costs", "build"]


def test_a_refused_request_is_the_sentence_of_the_process():
    with pytest.raises(UserError, match=rf"{SHAPE.key}.*got 'nonsense'") as caught:
        run(labels=("nonsense",))
    assert "\n" not in str(caught.value)


@pytest.fixture
def asked(tmp_path):
    """What starts a process that is ready, and its child's process id."""
    contestant = strategies(SHAPE, (), 0, peak=False)
    text = (
        "import sys, time\nfrom echo_rnn.benchmark.measure.process import Process\n"
        "process = Process(sys.argv[1:], 1).__enter__()\nprint(process._process.pid, flush=True)\n"
        "process.run(10**9, 'dynamic train')"
    )
    with Child([sys.executable, "-c", text, *contestant.command(tmp_path)]) as parent:
        yield parent, int(parent.read_line(300))


@pytest.mark.slow
def test_a_process_ends_with_its_parent_in_the_midst_of_a_run(asked):
    parent, number = asked
    assert psutil.pid_exists(number)
    parent._process.kill()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def measuring():
    """Measuring processes of this one."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "echo_rnn.benchmark.measure.ours" in child.cmdline()]


@pytest.mark.slow
def test_an_interrupted_measurement_takes_its_process_along():
    def interrupt(progress):
        assert len(measuring()) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(ENDLESS, report=interrupt)
    assert measuring() == []


@pytest.mark.slow
def test_a_process_that_the_system_kills_is_reported_with_the_likely_reason():
    def kill(progress):
        if "round" in progress:
            os.kill(measuring()[0].pid, signal.SIGKILL)
            time.sleep(0.1)

    with pytest.raises(UserError, match="SIGKILL ended, which is what the system does where memory runs out"):
        run(Rounds(3, 2e-3), report=lambda progress: measuring() and kill(progress))


@pytest.mark.slow
def test_peak_memory_grows_with_what_is_stored():
    def raised(window):
        record = measure_memory(tiny(units=64, batch_size=64, window=window), "dynamic", "fingerprint")
        assert record.samples == []
        return record.memory_bytes["dynamic"]

    stored = 8 * 2 * 64 * 64 * 4  # bytes for each time step; less in `tests/core/unroll/test_memory.py`
    assert 0.8 * 500 * stored < raised(600) - raised(100) < 3 * 500 * stored


def test_the_process_of_a_problem_holds_a_single_program(tmp_path):
    from echo_rnn.benchmark.measure.contestants import beside_peers  # noqa: PLC0415
    from echo_rnn.benchmark.measure.draw import draw  # noqa: PLC0415
    from echo_rnn.benchmark.measure.problem import FILE  # noqa: PLC0415

    shape = tiny(inputs=1)
    draw(shape, 1).write(tmp_path / FILE)
    (first, *_) = beside_peers(shape, ["static"], tmp_path, tmp_path)
    with Process(first.command(tmp_path), 1) as process:
        assert "prepared" not in process.ready
        assert len(process.run(30)) == 20
