"""More processes are asked for where processes differ, whatever the ratios are."""

import pytest

from echo_rnn.benchmark.measure.ratios import agree
from echo_rnn.benchmark.measure.records import CONTROL
from tests.benchmark.synthetic import Machine, processes, record

QUIET = Machine(noise=0.02)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 8.0])
def test_processes_that_show_the_same_agree_whatever_the_ratio(ratio):
    assert agree(processes(2, {"static": ratio}, QUIET))


@pytest.mark.parametrize("slot", [CONTROL, "static"])
def test_processes_that_differ_do_not_agree(slot):
    assert not agree([record({"static": 2.0, slot: ratio}, QUIET, seed=i) for i, ratio in enumerate((2.0, 2.6))])


def test_one_process_or_none_with_a_control_says_nothing():
    assert not agree(processes(1, {"static": 2.0}, QUIET))
    assert not agree(processes(2, {"static": 2.0}, QUIET, rounds=0))
