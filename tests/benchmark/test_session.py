"""One process's work, in this process: a wrong strategy is told from a right one, and not timed."""

from dataclasses import replace

import pytest

from echo_rnn.benchmark.measure import session
from echo_rnn.benchmark.measure.records import CONTROL, REFERENCE
from echo_rnn.benchmark.measure.request import Request
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.static import static
from echo_rnn.errors import UserError
from tests.benchmark.shapes import tiny
from tests.benchmark.test_parity import cuts_the_gradient_half_way

REQUEST = Request(tiny(), rounds=3, minimum_seconds=1e-3, peak=False)


@pytest.fixture(scope="module")
def record():
    slots = {REFERENCE: dynamic, "static": static, "wrong": cuts_the_gradient_half_way, CONTROL: dynamic}
    return session.time_slots(REQUEST, slots)


def test_a_wrong_strategy_is_said_to_be_wrong_and_not_timed(record):
    assert not record.prepared["wrong"].equal
    assert record.prepared["wrong"].largest_error > 0.01
    assert record.prepared["wrong"].warmup_calls == 0
    assert "wrong" not in {sample.slot for sample in record.samples}


def test_the_others_are_timed_in_every_round(record):
    for slot in (REFERENCE, "static", CONTROL):
        assert record.prepared[slot].equal
        assert record.prepared[slot].warmup_calls > 0
        for kind in ("train", "forward"):
            own = [sample for sample in record.samples if (sample.slot, sample.kind) == (slot, kind)]
            assert [sample.round for sample in own] == [0, 1, 2]
            assert all(sample.seconds > 0 for sample in own)


def test_the_first_strategy_does_not_pay_what_the_first_run_of_anything_costs(monkeypatch):
    spent = []
    monkeypatch.setattr(session, "spend_first_costs", lambda *arguments: spent.append(arguments))
    monkeypatch.setattr(
        session, "_build", lambda *arguments: pytest.fail("nothing was spent before") if not spent else ({}, {})
    )
    with pytest.raises(KeyError):
        session.time_slots(REQUEST, {REFERENCE: dynamic})


def test_the_reference_comes_first_and_once_more_as_the_control(monkeypatch):
    asked = []
    monkeypatch.setattr(session, "time_slots", lambda request, slots, report: asked.append(list(slots)))
    for labels in (("static",), ("static", REFERENCE), ()):
        session.run(replace(REQUEST, labels=labels))
    assert asked == [[REFERENCE, "static", CONTROL]] * 2 + [[REFERENCE, CONTROL]]


@pytest.mark.parametrize("request_", [{"labels": ("block",)}, {"memory": "block"}])
def test_what_cannot_be_measured_is_refused_before_anything_is_built(request_, monkeypatch):
    monkeypatch.setattr(session, "time_slots", None)
    monkeypatch.setattr(session.memory, "peak_raise", None)
    with pytest.raises(UserError, match="any strategy but block"):
        session.run(Request(tiny(cell="gru"), **request_))
