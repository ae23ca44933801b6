"""Contestants in rounds: one that differs or fails is recorded with the reason, and the others are timed."""

import json
import sys
from dataclasses import asdict

import psutil
import pytest

from echo_rnn.benchmark.measure.contestants import Contestant
from echo_rnn.benchmark.measure.draw import draw
from echo_rnn.benchmark.measure.problem import FILE
from echo_rnn.benchmark.measure.records import NOT_A_NUMBER, Prepared, read
from echo_rnn.benchmark.measure.session import measure
from echo_rnn.benchmark.measure.timing import Rounds
from echo_rnn.errors import UserError
from tests.benchmark.shapes import tiny

ROUNDS = 6
HOW = Rounds(ROUNDS, 1e-3, 60.0)
SHAPE = tiny(inputs=1)
# A contestant as small as one can be: it sleeps for its steps.
PROGRAM = """
import sys, time
from echo_rnn.benchmark.measure.worker import TRAIN, Ready, serve
seconds, unit, loss, runs = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
def run(units):
    global runs
    runs -= 1
    if not runs:
        raise SystemExit("tired")
    time.sleep(seconds * unit * units)
    return [loss] * (unit * units)
serve(lambda problem: Ready({TRAIN: run}, unit, "sleep"))
"""
# One that holds several slots, and has compared them itself.
SEVERAL = """
import json, sys, time
from echo_rnn.benchmark.measure.worker import Ready, serve
slots = json.loads(sys.argv[1])
def run(units):
    time.sleep(1e-4 * units)
    return []
runs = {f"{slot} {kind}": run for slot in slots if slots[slot]["equal"] for kind in ("train", "forward")}
facts = {"prepared": slots, "kinds": ["train", "forward"], "peak_gflops": 7.0}
serve(lambda work: Ready(runs, 1, "sleep", facts), read=lambda path: None)
"""


@pytest.fixture
def contestant(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def make(name, *, is_ours=False, seconds=1e-4, unit=1, loss=0.5, runs=-1):
        words = [sys.executable, str(tmp_path / "program.py"), *map(str, (seconds, unit, loss, runs))]
        return Contestant(name, is_ours, 1, lambda folder: [*words, str(folder / FILE)])

    return make


def session(*contestants):
    reports = []
    problem = draw(SHAPE, 1)
    return measure(SHAPE, contestants, HOW, "fingerprint", problem=problem, report=reports.append), reports


def test_all_that_agree_are_timed_in_every_round(contestant, tmp_path):
    names, before = ("slow ours", "ours", "epoch"), psutil.Process().children()
    record, reports = session(
        contestant("slow ours", is_ours=True, seconds=1e-3),
        contestant("ours", is_ours=True),
        contestant("epoch", unit=50, seconds=2e-4),
    )
    assert [report.get("slot") or report["round"] for report in reports] == [*names, *range(1, ROUNDS + 1)]
    assert {(s.round, s.slot) for s in record.samples} == {(n, name) for n in range(ROUNDS) for name in names}
    assert all(s.steps % 50 == 0 for s in record.samples if s.slot == "epoch")
    assert record.reference == "slow ours"
    assert list(record.prepared) == list(names)
    assert all(own.version == "sleep" and own.equal and own.start_seconds > 0 for own in record.prepared.values())
    record.write(tmp_path / "records" / "one.json")
    assert read(tmp_path / "records" / "one.json") == record
    assert set(psutil.Process().children()) <= set(before)


@pytest.mark.parametrize(("loss", "error"), [(0.501, 0.002), ("nan", NOT_A_NUMBER)])
def test_one_that_differs_is_not_timed(contestant, loss, error):
    record, _ = session(contestant("ours", is_ours=True), contestant("other", loss=loss))
    ours, other = record.prepared.values()
    assert (ours.trouble, ours.largest_error, ours.equal) == ("", 0.0, True)
    assert (other.largest_error, other.equal) == (pytest.approx(error), False)
    assert other.trouble.startswith("its losses")
    assert {sample.slot for sample in record.samples} == {"ours"}


def test_one_that_fails_is_named_and_the_others_are_timed(contestant):
    missing = Contestant("missing", False, 1, lambda folder: ["no-such-program"])
    record, _ = session(
        contestant("early", is_ours=True, runs=1),
        contestant("ours", is_ours=True),
        missing,
        contestant("late", runs=1 + 1 + ROUNDS),  # checked, warmed up by a single slow call, and every round
    )
    trouble = {name: own.trouble for name, own in record.prepared.items()}
    assert trouble["early"] == trouble["late"] == "tired"
    assert "no-such-program" in trouble["missing"]
    assert record.reference == "ours"
    assert [sample.slot for sample in record.samples] == ["ours"] * ROUNDS


def test_without_any_of_ours_there_is_nothing_to_compare_with(contestant):
    with pytest.raises(UserError, match="tired") as caught:
        session(contestant("ours", is_ours=True, runs=1), contestant("peer"))
    assert caught.value.code == "benchmark.process_failed"
    assert SHAPE.key in str(caught.value)


def test_order_within_rounds_is_drawn_anew(contestant):
    record, _ = session(*(contestant(name, is_ours=True) for name in "abcd"))
    orders = {tuple(s.slot for s in record.samples if s.round == n) for n in range(ROUNDS)}
    assert len(orders) > 1


def test_slots_of_one_process_are_timed_forward_too_and_not_where_it_found_them_wrong():
    right, wrong = Prepared(equal=True, largest_error=0.0), Prepared(largest_error=0.5, trouble="differs")
    slots = {"dynamic": right, "wrong": wrong, "dynamic again": right}
    text = json.dumps({slot: asdict(prepared) for slot, prepared in slots.items()})
    record, _ = session(Contestant("strategies", True, 1, lambda folder: [sys.executable, "-c", SEVERAL, text, "work"]))
    assert (record.reference, record.peak_gflops) == ("dynamic", 7.0)
    assert record.prepared["wrong"] == wrong
    assert record.prepared["dynamic"].warmup_calls > 0
    assert {(s.slot, s.kind) for s in record.samples} == {
        (slot, kind) for slot in ("dynamic", "dynamic again") for kind in ("train", "forward")
    }
