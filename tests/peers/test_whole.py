"""Whole processes in rounds, compared apart from training steps."""

import sys

import numpy as np
import pytest

from echo_rnn.errors import UserError
from echo_rnn.peers.results import compare, summary
from echo_rnn.peers.whole import Program, measure_whole
from tests.peers.shapes import SEED


def program(name, text, *, is_ours=False):
    return Program(name, is_ours, lambda folder: [sys.executable, "-c", text, str(folder)])


def measure(*programs):
    return measure_whole(programs, SEED, 100, 3, np.random.SeedSequence(0), "mark")


def test_each_program_runs_once_a_round_in_an_empty_folder_of_its_own(tmp_path):
    log = tmp_path / "log"
    text = f"import os, sys; assert not os.listdir(sys.argv[1]); print(sys.argv[1], file=open({str(log)!r}, 'a'))"
    record = measure(program("ours", text, is_ours=True), program("other", text))
    assert len(set(log.read_text().splitlines())) == len(record.samples) == 6
    assert {(s.round, s.slot, s.steps) for s in record.samples} == {
        (n, name, 100) for n in range(3) for name in ("ours", "other")
    }
    (comparison,) = compare([record])
    assert comparison.best == "ours"
    assert {row["work"] for row in summary([comparison])} == {"process"}


def test_a_program_that_fails_is_the_end(tmp_path):
    with pytest.raises(UserError, match="article: expected the program to end well, got no room"):
        measure(program("article", "raise SystemExit('error[disk.full]: no room')"))
