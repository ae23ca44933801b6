"""Whole processes in rounds."""

import sys

import pytest

from echo_rnn.benchmark.measure.contestants import Contestant
from echo_rnn.benchmark.measure.timing import Rounds
from echo_rnn.benchmark.measure.whole import measure_whole
from echo_rnn.errors import UserError
from tests.benchmark.shapes import SEED


def program(name, text, *, is_ours=False):
    return Contestant(name, is_ours, 1, lambda folder: [sys.executable, "-c", text, str(folder)])


def measure(*programs):
    return measure_whole(programs, SEED, 100, Rounds(3, 0.0), "fingerprint")


def test_each_program_runs_once_a_round_in_an_empty_folder_of_its_own(tmp_path):
    log = tmp_path / "log"
    text = f"import os, sys; assert not os.listdir(sys.argv[1]); print(sys.argv[1], file=open({str(log)!r}, 'a'))"
    record = measure(program("ours", text, is_ours=True), program("other", text))
    assert len(set(log.read_text().splitlines())) == len(record.samples) == 6
    assert {(s.round, s.slot, s.steps) for s in record.samples} == {
        (n, name, 100) for n in range(3) for name in ("ours", "other")
    }
    assert (record.work, record.reference, record.trained) == ("process", "ours", "100 steps of ours")
    assert [own.is_ours for own in record.prepared.values()] == [True, False]


def test_what_a_program_prints_does_not_block_it():
    measure(program("ours", "print('x' * 10**6)", is_ours=True))


def test_a_program_that_fails_ends_the_measurement(tmp_path):
    with pytest.raises(UserError, match=r"article.*no room") as caught:
        measure(program("article", "raise SystemExit('error[disk.full]: no room')"))
    assert caught.value.code == "benchmark.process_failed"
