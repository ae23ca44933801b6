"""Words claim what verdicts hold, and nothing else."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_rnn.benchmark.measure.records import CONTROL, REFERENCE
from echo_rnn.benchmark.report.results import Interval, ShapeResult, StrategyResult
from echo_rnn.benchmark.report.statistics import results
from echo_rnn.benchmark.report.words import recommendation, seconds, speedup, summary, table
from tests.benchmark.synthetic import Machine, prepared, processes, shape

QUIET = Machine(noise=0.005, offset=0.002)
LABELS = ("static", "block", "partial5", "wavefront_deferred")


def measured(ratios, machine=QUIET, *, count=3, **values):
    return results(processes(count, ratios, machine, **values), lambda *_: 4096)


def strategy(label, verdict, estimate=1.0, width=1.0, first=1.0) -> StrategyResult:
    timed = verdict != "wrong"
    interval = Interval(estimate, estimate / width, estimate * width) if timed else None
    step = 1e-3 / estimate if timed else None
    return StrategyResult(
        label=label,
        verdict=verdict,
        step_seconds=step,
        forward_seconds=step,
        speedup=interval,
        forward_speedup=interval,
        trace_seconds=0.1,
        compile_seconds=0.1,
        first_call_seconds=first,
        graph_nodes=100,
        graph_bytes=2048,
        time_steps_per_second=1e4 if timed else None,
        gflops=1.0 if timed else None,
        share_of_peak=None,
        memory_bytes=None,
        formula_bytes=4096,
        break_even_steps=(1 + (first - 1) / (1e-3 - step) if first > 1 else 0.0) if verdict == "faster" else None,
        largest_error=1e-7 if timed else 1e9,
    )


@st.composite
def strategies(draw, label):
    verdict = draw(st.sampled_from(("faster", "slower", "no difference shown", "wrong")))
    width = draw(st.floats(1.001, 1.5))
    beyond = width * draw(st.floats(1.001, 5))
    estimate = {"faster": beyond, "slower": 1 / beyond}.get(verdict, 1.0)
    return strategy(label, verdict, estimate, width, draw(st.floats(0.1, 100)))


@st.composite
def shape_results(draw, units, window):
    own = [draw(strategies(label)) for label in LABELS if draw(st.booleans())]
    control = Interval(1.0, 0.99, 1.01)
    noise = draw(st.sampled_from(([], ["The load average reached 3.1 on 2 cores."])))
    whole = [strategy(REFERENCE, "reference"), *own]
    return ShapeResult(shape(units=units, window=window), whole, control, noise, 2, 20, {})


grids = st.sampled_from(([(4, 5)], [(4, 5), (4, 60)], [(4, 5), (4, 60), (32, 5), (32, 60), (32, 240)])).flatmap(
    lambda cells: st.tuples(*(shape_results(units, window) for units, window in cells))
)


def assert_whole(text):
    assert not re.search(r"\bnan\b|\binf\b|None|  |\(\)|: \.|, \.|: ;|\.\.|Interval\(", text), text
    assert all(paragraph[-1] == "." for paragraph in text.split("\n\n")), text


@given(found=grids)
def test_no_label_is_called_faster_or_slower_more_often_than_its_verdict(found):
    text = summary(found)
    assert_whole(text)
    sentences = re.sub(r"\.\s+", ".\n", text)
    for label in LABELS:
        said = " ".join(re.findall(rf"^{label} (?:is (?:faster|slower)|shows no) .*$", sentences, re.M))
        verdicts = [own.verdict for result in found if (own := result.of(label))]
        for verdict in ("faster", "slower"):
            claimed = f"is {verdict} than {REFERENCE}" in said
            assert claimed == (verdict in verdicts), text
            if claimed and len(found) > 1:
                (count,) = re.findall(rf"is {verdict} than {REFERENCE} at (\d+) shape", said)
                assert int(count) == verdicts.count(verdict)
        assert (f"{label} is wrong" in text) == ("wrong" in verdicts)
        assert (f"Where {label} is faster" not in text) or "faster" in verdicts


@given(found=grids)
def test_a_winner_is_shown_to_beat_every_other(found):
    for result in found:
        for claim in re.findall(r"Fastest of all, by an interval above all others: (\w+)\.", summary([result])):
            own = result.of(claim)
            assert own.verdict in ("faster", "reference")
            rest = [other.speedup for other in result.strategies if other.speedup and other is not own]
            assert all(own.speedup.low > other.high for other in rest)


@given(found=grids, steps=st.none() | st.integers(1, 10**7))
def test_a_recommendation_is_right_and_claims_no_more(found, steps):
    for result in found:
        label, why = recommendation(result, steps)
        assert_whole(why)
        chosen = result.of(label)
        assert chosen.verdict != "wrong"
        assert ("is faster than" not in why) or chosen.verdict == "faster"
        if steps is None:
            assert chosen.verdict != "slower"
            rest = [own for own in result.strategies if own.verdict == "faster"]
            assert (chosen.verdict == "faster") == bool(rest)
            assert all(chosen.speedup.high >= other.speedup.low for other in rest)


@given(found=grids)
def test_a_table_has_a_row_for_everything_and_units_everywhere(found):
    rows = table(found)
    assert [row["strategy"] for row in rows] == [own.label for result in found for own in result.strategies]
    assert len({tuple(row) for row in rows}) == 1
    for row in rows:
        assert all(value and not re.search(r"\bnan\b|\binf\b|None", value) for value in row.values())
        assert (row["training step"] == "–") == (row["verdict"] == "wrong")
        assert ("steps" in row["pays off after"]) == (row["verdict"] == "faster")


def test_what_was_measured_is_told_from_records_to_words():
    costly = {"static": prepared(first_call_seconds=3.6), "bad": prepared(equal=False, largest_error=0.31)}
    (found,) = measured({"static": 2.0, "block": 1.0, "wavefront": 0.5, "bad": 9.0}, prepared=costly)
    text = summary([found])
    for part in (
        "of dynamic and 4 other strategies were timed at 1 shape (lstm, L=3, S=4, B=5, T=15, I=1",
        "Fastest of all, by an interval above all others: static.",
        f"static is faster than dynamic, {speedup(found.of('static').speedup)}.",
        "block shows no difference from dynamic, ",
        "wavefront is slower than dynamic, 0.5",
        "takes 3.6 s against 600 ms of dynamic; that is paid off after 3,0",
        "bad is wrong: it computes something else than dynamic (largest relative error 0.31) and is not ranked.",
        f"The A/A control, dynamic against itself, is {speedup(found.control)}.",
        "No other sign of noise was seen.",
    ):
        assert part in text
    assert not re.search("bad (is faster|shows)", text)


def test_the_crossover_is_named_by_window_rows_and_units():
    truth = {(5, 4, 5): 2.0, (5, 4, 60): 2.0, (64, 128, 5): 1.5, (64, 128, 60): 0.4}
    found = [
        result
        for (rows, units, window), ratio in truth.items()
        for result in measured({"static": ratio}, shape=shape(batch_size=rows, units=units, window=window))
    ]
    text = summary(found)
    assert "The crossover of static and dynamic: " in text
    assert "at (S=4, B=5) static is faster at T=5–60" in text
    assert "at (S=128, B=64) static is faster at T=5, slower at T=60" in text
    assert "No crossover of static and dynamic is shown: " in summary(found[:2])


def test_noise_is_told_with_how_often_it_was_seen():
    noisy = measured({"static": 2.0}, replace(QUIET, speed=lambda share: 1.9 if share > 0.5 else 1.0))
    quiet = measured({"static": 2.0}, shape=shape(window=60))
    text = summary([*noisy, *quiet])
    assert "times as long (1 of 2 shapes, this at T=15)." in text
    assert "holds 1 at 2 of 2 shapes" in text
    assert "No other sign of noise" not in text


@pytest.mark.parametrize("ratios", [{}, {"static": 2.0}, {"bad": 2.0}])
def test_little_to_tell_is_told_without_empty_claims(ratios):
    found = measured(ratios, prepared={"bad": prepared(equal=False)} if "bad" in ratios else {})
    assert_whole(summary(found))
    assert "Fastest of all" not in summary(found)
    assert "crossover" not in summary(found)
    assert recommendation(found[0])[0] == ("static" if "static" in ratios else "dynamic")


@pytest.mark.parametrize("error", [1e9, float("nan"), float("inf")])
def test_a_strategy_that_is_not_finite_is_said_to_be(error):
    found = measured({"bad": 2.0}, prepared={"bad": prepared(equal=False, largest_error=error)})
    assert_whole(summary(found))
    assert "(not even finite)" in summary(found)
    assert table(found)[1]["largest error"] == "not finite"


def test_nothing_measured_is_said():
    assert summary([]) == "Nothing has been measured yet."
    assert table([]) == []


def test_nobody_wins_by_less_than_the_control_shows():
    below = [strategy("static", "no difference shown", 1.06, 1.01), strategy("block", "slower", 0.5, 1.01)]
    result = ShapeResult(shape(), [strategy(REFERENCE, "reference"), *below], Interval(1.05, 1.02, 1.08), [], 2, 20, {})
    assert "Which strategy is first cannot be told." in summary([result])


def test_planned_steps_decide_by_the_whole_time():
    (result,) = measured({"static": 2.0}, prepared={"static": prepared(first_call_seconds=3.6)})
    pays = result.of("static").break_even_steps
    assert recommendation(result, int(pays * 0.9))[0] == "dynamic"
    label, why = recommendation(result, int(pays * 1.1))
    assert label == "static"
    assert re.fullmatch(r"3,\d+ steps take static 6\.\d+ s in all, .* against 7\.\d+ s of dynamic\.", why)


def test_a_difference_that_is_not_shown_is_not_counted_on():
    result = ShapeResult(
        shape(),
        [strategy(REFERENCE, "reference"), strategy("block", "no difference shown", 1.05, 1.1, first=1.5)],
        *(Interval(1.0, 0.99, 1.01), [], 2, 20, {}),
    )
    assert recommendation(result, 10**6)[0] == recommendation(result)[0] == REFERENCE


def test_of_those_that_cannot_be_told_apart_the_shortest_first_call_is_taken():
    several = [strategy("static", "faster", 2.0, 1.1, first=9), strategy("block", "faster", 1.9, 1.1, first=3)]
    apart = strategy("partial5", "faster", 1.4, 1.1, first=1)
    whole = [strategy(REFERENCE, "reference"), *several, apart]
    result = ShapeResult(shape(), whole, Interval(1.0, 0.99, 1.01), [], 2, 20, {})
    label, why = recommendation(result)
    assert label == "block"
    assert "that of static overlap; its first call is the shortest of them, 3 s." in why


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.34, "12.3 s"), (0.9999, "1 s"), (0.5, "500 ms"), (1.5e-3, "1.5 ms"), (3.21e-5, "32.1 µs"), (4e-8, "40 ns")],
)
def test_times_have_a_fitting_unit(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((2.13, 1.93, 2.31), "2.1× (1.9–2.3)"),
        ((1.02, 0.99, 1.05), "1.02× (0.99–1.05)"),
        ((1.02, 1.002, 1.05), "1.020× (1.002–1.050)"),
        ((0.03, 0.029, 0.031), "0.030× (0.029–0.031)"),
        ((34.2, 30.9, 39.7), "34× (31–40)"),
    ],
)
def test_a_ratio_shows_its_digits_and_no_bound_slips_onto_one(values, text):
    assert speedup(Interval(*values)) == text


def test_the_control_is_no_strategy():
    (result,) = measured({"static": 2.0})
    assert not re.search(rf"{CONTROL}\b", summary([result]))
    assert CONTROL not in {row["strategy"] for row in table([result])}
