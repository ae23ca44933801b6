"""What asks a training to end: a signal, noted and not acted on at once, or the end of the process it works for."""

import os
import signal

import pytest

from echo_rnn.training.stopping import stop_requests

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def handlers():
    """Whatever a test leaves, the process has what it had."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_the_next_would_end_the_process(number, handlers):
    with stop_requests() as requested:
        assert not requested()
        os.kill(os.getpid(), number)
        assert requested()
        assert requested.signal == number
        assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL] * 2
    assert {each: signal.getsignal(each) for each in SIGNALS} == handlers


def test_a_cluster_sends_one_signal_twice(monkeypatch):
    """To every process of a job, and through the parent, which passes it on."""
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    with stop_requests() as requested:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert requested()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_stays_ignored(number):
    """As Ctrl-C is for a command in the background."""
    signal.signal(number, signal.SIG_IGN)
    with stop_requests() as requested:
        os.kill(os.getpid(), number)
        assert not requested()


def test_a_signal_that_is_ignored_stays_so_after_the_other_came():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stop_requests() as requested:
        os.kill(os.getpid(), signal.SIGTERM)
        assert requested()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_the_end_of_a_parent_counts_as_sigterm():
    with stop_requests(parent=os.getppid()) as requested:
        assert not requested()
    with stop_requests(parent=os.getpid()) as requested:  # not the parent, as if that had gone
        assert requested()
        assert requested.signal == signal.SIGTERM
