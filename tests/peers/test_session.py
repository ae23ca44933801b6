"""Contestants in rounds: who differs or dies is told with the reason, and the others are timed."""

import sys
from pathlib import Path

import numpy as np
import pytest

from echo_rnn.errors import UserError
from echo_rnn.peers.contestants import Contestant
from echo_rnn.peers.records import read, records_of
from echo_rnn.peers.results import compare, summary
from echo_rnn.peers.session import How, measure
from tests.peers.shapes import tiny

ROUNDS = 6
HOW = How(ROUNDS, 1e-3, 60.0, np.random.SeedSequence(1))
# A contestant as small as one can be: it sleeps for its steps.
PROGRAM = """
import sys, time
from echo_rnn.peers.worker import Ready, serve
seconds, unit, loss, runs = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
def run(units):
    global runs
    runs -= 1
    if not runs:
        raise SystemExit("tired")
    time.sleep(seconds * unit * units)
    return [loss] * (unit * units)
serve(lambda problem: Ready(run, unit, "sleep"))
"""


@pytest.fixture
def contestant(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def make(name, *, is_ours=False, seconds=1e-4, unit=1, loss=0.5, runs=-1):
        words = [sys.executable, str(tmp_path / "program.py"), *map(str, (seconds, unit, loss, runs))]
        return Contestant(name, is_ours, 1, lambda folder: words)

    return make


def session(*contestants, shape=None):
    told = []
    return measure(shape or tiny(), contestants, HOW, "mark", told.append), told


def test_all_that_agree_are_timed_in_every_round(contestant, tmp_path):
    record, told = session(
        contestant("slow ours", is_ours=True, seconds=1e-3),
        contestant("ours", is_ours=True),
        contestant("epoch", unit=50, seconds=2e-4),
    )
    assert told == ["slow ours", "ours", "epoch", *["round"] * ROUNDS]
    assert {(s.round, s.slot) for s in record.samples} == {
        (n, name) for n in range(ROUNDS) for name in ("slow ours", "ours", "epoch")
    }
    assert all(s.steps % 50 == 0 for s in record.samples if s.slot == "epoch")
    assert {entry.version for entry in record.entries} == {"sleep"}
    record.write(tmp_path / "records" / "one.json")
    assert list(records_of(tmp_path / "records")) == [read(tmp_path / "records" / "one.json")] == [record]


def test_the_record_says_how_many_times_longer_a_peer_takes(contestant):
    record, _ = session(
        contestant("slow ours", is_ours=True, seconds=60e-3),
        contestant("ours", is_ours=True, seconds=2e-3),
        contestant("peer", seconds=2e-3, unit=3),
    )
    (comparison,) = compare([record])
    assert comparison.best == "ours"
    rows = {row["peer"]: row for row in summary([comparison])}
    assert rows["slow ours"]["ratio"]["estimate"] > 1  # thirty times the sleep: no busy machine hides it
    assert all(row["ours"] == comparison.best and row["ratio"]["low"] <= row["ratio"]["high"] for row in rows.values())


@pytest.mark.parametrize(
    ("loss", "trouble"), [(0.501, "its losses differ from ours by 0.002"), ("nan", "its losses are no numbers")]
)
def test_who_differs_is_not_timed(contestant, loss, trouble):
    record, _ = session(contestant("ours", is_ours=True), contestant("other", loss=loss))
    ours, other = record.entries
    assert (ours.trouble, ours.largest_error) == ("", 0.0)
    assert other.trouble.startswith(trouble)
    assert {sample.slot for sample in record.samples} == {"ours"}


def test_who_dies_is_named_and_the_others_go_on(contestant):
    missing = Contestant("missing", False, 1, lambda folder: ["no-such-program"])
    record, _ = session(
        contestant("early", is_ours=True, runs=1),
        contestant("ours", is_ours=True),
        missing,
        contestant("late", runs=1 + 1 + ROUNDS),  # checked, warmed up by a single slow call, and every round
    )
    trouble = {entry.name: entry.trouble for entry in record.entries}
    assert trouble["early"] == trouble["late"] == "tired"
    assert "no-such-program" in trouble["missing"]
    assert {sample.slot for sample in record.samples} == {"ours"}
    assert len(record.samples) == ROUNDS
    (comparison,) = compare([record])
    assert {standing.entry.name: standing.ratio is None for standing in comparison.standings} == {
        "ours": False,
        "early": True,
        "late": True,
        "missing": True,
    }


def test_without_any_of_ours_there_is_nothing_to_compare_with(contestant):
    with pytest.raises(UserError, match="expected one of our strategies to run, got tired"):
        session(contestant("ours", is_ours=True, runs=1), contestant("peer"))


def test_order_within_rounds_is_drawn_anew(contestant):
    record, _ = session(*(contestant(name, is_ours=True) for name in "abcd"))
    orders = {tuple(s.slot for s in record.samples if s.round == n) for n in range(ROUNDS)}
    assert len(orders) > 1


def test_programs_lie_where_the_project_says():
    assert (Path(__file__).parents[2] / "peers" / "floor.c").is_file()
