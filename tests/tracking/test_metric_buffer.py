"""Metrics wait for each other and none is lost."""

import pytest

from echo_rnn.errors import UserError
from echo_rnn.tracking import MetricBuffer


class Recording:
    """A run that remembers each request."""

    def __init__(self):
        self.requests = []

    def log_metrics(self, rows):
        self.requests.append(list(rows))


def row(step):
    return "train/loss", 0.5, step


def test_numbers_wait_until_the_block_ends():
    run = Recording()
    with MetricBuffer(run, seconds=3600) as metrics:
        for step in range(3):
            metrics.add([row(step), row(step)])
        assert run.requests == []
    assert run.requests == [[row(step) for step in (0, 0, 1, 1, 2, 2)]]


def test_numbers_go_when_it_is_time():
    run = Recording()
    with MetricBuffer(run, seconds=0) as metrics:
        metrics.add([row(0)])
        metrics.add([row(1)])
    assert run.requests == [[row(0)], [row(1)]]


def test_nothing_is_sent_where_nothing_waits():
    run = Recording()
    with MetricBuffer(run):
        pass
    assert run.requests == []


def test_a_failure_loses_nothing():
    run = Recording()
    with pytest.raises(ValueError), MetricBuffer(run, seconds=3600) as metrics:
        metrics.add([row(0)])
        raise ValueError
    assert run.requests == [[row(0)]]


class Gone:
    """A run whose store does not answer any more."""

    def log_metrics(self, rows):
        raise UserError("the store is gone")


def test_a_store_that_is_gone_does_not_hide_what_happened():
    with pytest.raises(ValueError, match="loss") as caught, MetricBuffer(Gone(), seconds=3600) as metrics:
        metrics.add([row(0)])
        raise ValueError("loss")
    assert "the store is gone" in caught.value.__notes__[0]


def test_a_store_that_is_gone_is_said_where_nothing_else_happened():
    with pytest.raises(UserError, match="gone"), MetricBuffer(Gone(), seconds=3600) as metrics:
        metrics.add([row(0)])
