"""What asks a training to end: a signal, noted and not acted on at once, or the end of the process it works for."""

import os
import signal

import pytest

from echo_rnn.training.stopping import asked_to_stop

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
    with asked_to_stop() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        assert asked.signal == number
        assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL] * 2
    assert {each: signal.getsignal(each) for each in SIGNALS} == handlers


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_stays_ignored(number):
    """As Ctrl-C is for a command in the background."""
    signal.signal(number, signal.SIG_IGN)
    with asked_to_stop() as asked:
        os.kill(os.getpid(), number)
        assert not asked()


def test_a_signal_that_is_ignored_stays_so_after_the_other_came():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asked_to_stop() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_the_end_of_a_parent_counts_as_sigterm():
    with asked_to_stop(parent=os.getppid()) as asked:
        assert not asked()
    with asked_to_stop(parent=os.getpid()) as asked:  # not the parent, as if that had gone
        assert asked()
        assert asked.signal == signal.SIGTERM
