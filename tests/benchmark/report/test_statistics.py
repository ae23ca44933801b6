"""A result cannot be fooled: the truth is known, the machine errs in known ways."""

import itertools
from dataclasses import replace
from statistics import median

import pytest

from echo_rnn.benchmark.measure.records import CONTROL
from echo_rnn.benchmark.report.noise import ONE_PROCESS
from echo_rnn.benchmark.report.statistics import results
from echo_rnn.errors import UserError
from tests.benchmark.synthetic import STEP, Machine, prepared, processes, record, shape

QUIET = Machine(noise=0.005, offset=0.002)


def only(records):
    (result,) = results(records, lambda shape, label: 1000 * shape.window + len(label))
    return result


def kinds(result):
    """The value of each kind of noise."""
    return {noise.kind: noise.value for noise in result.noise}


@pytest.mark.parametrize("factor", [0.33, 0.9, 1.1, 2.1, 8.0])
def test_a_known_factor_is_found(factor):
    result = only(processes(3, {"static": factor}, QUIET))
    found = result.of("static")
    assert found.speedup.estimate == pytest.approx(factor, rel=0.02)
    assert found.speedup.low < found.speedup.estimate < found.speedup.high
    assert found.forward_speedup.estimate == pytest.approx(factor, rel=0.02)
    assert found.verdict == ("faster" if factor > 1 else "slower")
    assert found.step_seconds == pytest.approx(STEP["train"] / factor, rel=0.02)
    assert found.forward_seconds == pytest.approx(STEP["forward"] / factor, rel=0.02)
    assert result.of("dynamic").verdict == "reference"
    assert result.noise == []


MACHINES = {
    "independent": Machine(noise=0.05),
    "correlated": Machine(noise=0.05, correlation=0.5),
    "processes differ": Machine(noise=0.03, offset=0.03, correlation=0.3),
    "drifts": Machine(noise=0.03, offset=0.01, speed=lambda share: 1 + share),
}


@pytest.mark.parametrize(("machine", "count"), zip(MACHINES.values(), itertools.cycle([2, 3])), ids=MACHINES)
def test_intervals_hold_the_truth_as_often_as_they_claim(machine, count):
    truth = {"static": 1.3, "block": 1.0, "wavefront": 0.8}
    trials = 100
    found = [only(processes(count, truth, machine, seed=trial)) for trial in range(trials)]
    held = {
        label: sum(r.of(label).speedup.low <= ratio <= r.of(label).speedup.high for r in found)
        for label, ratio in truth.items()
    }
    held[CONTROL] = sum(r.control.low <= 1 <= r.control.high for r in found)
    # 95 % less three standard errors of a share of 400 and what two processes leave unknown.
    assert sum(held.values()) / (4 * trials) >= 0.92, held
    assert min(held.values()) / trials >= 0.88, held
    assert sum(r.of("block").verdict != "undecided" for r in found) <= 0.03 * trials
    assert median(r.of("static").speedup.high / r.of("static").speedup.low for r in found) < 1.3


def test_no_difference_is_reported_as_undecided():
    result = only(processes(3, {"block": 1.0}))
    assert result.of("block").verdict == "undecided"
    assert result.of("block").break_even_steps in (0.0, None)


def test_a_machine_that_slows_down_half_way_is_noise_and_changes_no_ratio():
    machine = replace(QUIET, speed=lambda share: 1.9 if share > 0.5 else 1.0)
    result = only([record({"static": 2.0}, machine, rounds=21), record({"static": 2.0}, QUIET, rounds=21, seed=1)])
    assert result.of("static").speedup.estimate == pytest.approx(2, rel=0.02)
    assert result.of("static").verdict == "faster"
    half = sum(sample.seconds for sample in record({"static": 2.0}, QUIET, rounds=21).samples) / 2
    (seen,) = (noise for noise in result.noise if noise.kind == "speed changed")
    assert seen.seconds == pytest.approx(half, rel=0.05)
    assert (seen.process, seen.value) == (1, pytest.approx(1.9, rel=0.03))


def test_times_of_a_machine_that_changes_agree_with_the_ratio():
    machine = replace(QUIET, speed=lambda share: 3.0 if share > 0.5 else 1.0)
    for seed in range(5):
        result = only([record({"static": 2.0}, machine, seed=seed)])
        ratio = result.of("dynamic").step_seconds / result.of("static").step_seconds
        assert ratio == pytest.approx(result.of("static").speedup.estimate)


@pytest.mark.parametrize("speed", [lambda share: 1.0, lambda share: 1 + 0.04 * share])
def test_a_steady_machine_is_not_called_noisy(speed):
    for seed in range(30):
        result = only(processes(2, {"static": 2.0}, replace(QUIET, speed=speed), seed=seed))
        assert "speed changed" not in kinds(result)


def test_a_slow_process_is_noise_and_changes_no_ratio():
    slow = replace(QUIET, speed=lambda share: 1.5)
    result = only([record({"static": 2.0}, QUIET), record({"static": 2.0}, slow, seed=1)])
    assert result.of("static").speedup.estimate == pytest.approx(2, rel=0.02)
    assert kinds(result)["processes differ"] == pytest.approx(1.5, rel=0.03)


def test_a_wrong_strategy_is_wrong_if_it_is_in_one_process_and_has_no_time():
    bad = prepared(equal=False, largest_error=0.3)
    right, wrong = (record({"bad": 5.0}, seed=seed, prepared=slots) for seed, slots in enumerate(({}, {"bad": bad})))
    for records in ([right, wrong], [wrong, right], [wrong]):
        found = only(records).of("bad")
        assert (found.verdict, found.largest_error) == ("wrong", 0.3)
        assert found.speedup is found.forward_speedup is found.step_seconds is found.break_even_steps is None
        assert found.gflops is found.time_steps_per_second is None


def test_a_reference_that_differs_from_itself_silences_differences_of_that_size():
    skewed = processes(3, {"static": 1.06, "wavefront": 2.0, CONTROL: 1.1}, QUIET)
    result = only(skewed)
    assert result.control.low > 1
    assert kinds(result)["control differs"] == pytest.approx(1.1, rel=0.02)
    assert result.of("static").speedup.low > 1
    assert result.of("static").verdict == "undecided"
    assert result.of("wavefront").verdict == "faster"


def test_a_reference_that_does_not_compute_the_same_twice_is_noise():
    unequal = {CONTROL: prepared(equal=False, largest_error=0.2)}
    result = only([record({"static": 2.0}), record({"static": 2.0}, seed=1, prepared=unequal)])
    assert kinds(result)["control unequal"] == 0.2
    assert result.control.low < 1 < result.control.high


def test_one_process_claims_no_small_difference():
    one, three = only(processes(1, {"static": 1.03}, QUIET)), only(processes(3, {"static": 1.03}, QUIET))
    assert (one.processes, three.processes) == (1, 3)
    assert one.of("static").speedup.low > 1
    assert (one.of("static").verdict, three.of("static").verdict) == ("undecided", "faster")
    assert kinds(one)["one process"] == ONE_PROCESS
    assert "one process" not in kinds(three)


def test_few_rounds_claim_nothing():
    result = only([record({"static": 3.0}, QUIET, rounds=5)])
    assert result.of("static").verdict == "undecided"
    assert kinds(result)["few rounds"] == 5
    assert only([record({"static": 3.0}, QUIET, rounds=6)]).of("static").verdict == "faster"


@pytest.mark.parametrize("rounds", [0, 1])
def test_a_shape_without_two_rounds_is_left_out(rounds):
    other = shape(window=30)
    records = [record({}, rounds=rounds), *processes(2, {}, shape=other)]
    assert [result.shape for result in results(records, lambda *_: 0)] == [other]


def test_a_noisy_machine_is_noise_of_several_kinds():
    noise = kinds(only(processes(2, {"static": 2.0}, Machine(noise=0.4), load=(0.5, 3.4))))
    assert noise["control wide"] > 1.1
    assert noise["calls spread"] > 0.2
    assert noise["busy"] == 3.4


def test_two_halves_give_the_same_ranking_where_gaps_exceed_five_percent():
    truth = {"a": 1.5, "b": 1.4, "c": 1.2, "d": 1.0, "e": 0.8}
    for seed in range(20):
        records = processes(6, truth, Machine(noise=0.03, offset=0.01), seed=seed)
        halves = only(records[::2]), only(records[1::2])
        rankings = [sorted(truth, key=lambda label, half=half: -half.of(label).speedup.estimate) for half in halves]
        assert rankings[0] == rankings[1] == list(truth)
        for label in truth:
            assert {half.of(label).verdict for half in halves} != {"faster", "slower"}


def test_the_order_of_records_and_what_else_is_measured_change_no_estimate():
    records = processes(3, {"static": 1.7, "block": 1.0})
    assert only(records) == only(records)
    estimate = only(records).of("static").speedup.estimate
    assert only(records[::-1]).of("static").speedup.estimate == pytest.approx(estimate)
    together = results([*records, *processes(2, {}, shape=shape(window=30))], lambda *_: 0)
    assert together[0].of("static").speedup == only(records).of("static").speedup


def test_a_strategy_that_one_process_lacks_is_judged_by_the_others():
    records = [*processes(2, {"static": 2.0, "block": 1.5}), record({"static": 2.0}, seed=9)]
    result = only(records)
    assert [own.label for own in result.contestants] == ["dynamic", "static", "block"]
    assert result.of("block").verdict == "faster"


def test_a_strategy_that_every_process_times_anew_has_the_wider_interval():
    records = [record({"static": s, "block": 1.2}, QUIET, seed=i) for i, s in enumerate((1.0, 1.2, 1.5))]
    widths = [own.speedup.high / own.speedup.low for own in only(records).contestants[1:]]
    assert widths[0] > widths[1] ** 1.5


def test_calls_without_a_partner_and_single_accidents_change_nothing():
    whole = record({"static": 2.0}, QUIET)
    without = [s for s in whole.samples if (s.round, s.slot) != (9, "dynamic")]
    cut = [s for s in whole.samples if s.round < 9]
    assert (
        only([replace(whole, samples=without)]).of("static").speedup
        == only([replace(whole, samples=cut)]).of("static").speedup
    )
    hit = [replace(s, seconds=100 * s.seconds) if (s.round, s.slot) == (4, "static") else s for s in whole.samples]
    assert only([replace(whole, samples=hit)]).of("static").speedup.estimate == pytest.approx(2, rel=0.01)


def test_slots_may_run_as_many_steps_as_fit_them():
    whole = record({"static": 2.0}, QUIET)
    longer = [replace(s, seconds=2 * s.seconds, steps=100) if s.slot == "static" else s for s in whole.samples]
    assert only([replace(whole, samples=longer)]).of("static") == only([whole]).of("static")


def test_break_even_is_where_whole_times_meet():
    slow, quick = ({"static": prepared(first_call_seconds=first)} for first in (3.6, 0.1))
    exact = Machine(noise=0.0)
    result = only(processes(3, {"static": 2.0}, exact, prepared=slow))
    static, dynamic = result.of("static"), result.of("dynamic")
    steps = static.break_even_steps
    whole = [own.first_call_seconds + (steps - 1) * own.step_seconds for own in (static, dynamic)]
    assert whole[0] == pytest.approx(whole[1])
    assert steps == pytest.approx(1 + 3.0 / 0.001)
    assert dynamic.break_even_steps == 0
    unsure = only(processes(3, {"static": 1.01}, prepared=slow)).of("static")
    assert (unsure.verdict, unsure.break_even_steps) == ("undecided", None)
    assert unsure.speedup.estimate > 1
    for factor in (0.5, 1.0):
        assert only(processes(3, {"static": factor}, exact, prepared=slow)).of("static").break_even_steps is None
        assert only(processes(3, {"static": factor}, exact, prepared=quick)).of("static").break_even_steps == 0


def test_costs_are_medians_over_processes_and_memory_has_processes_of_its_own():
    records = [
        record({"static": 1.0}, Machine(noise=0.0), prepared={"static": prepared(compile_seconds=c)}, peak_gflops=p)
        for c, p in ((1.0, 10.0), (9.0, None), (2.0, 20.0))
    ]
    alone = record({}, rounds=0, memory_bytes={"static": 5_000})
    result = only([*records, replace(alone, prepared={"static": prepared(compile_seconds=70.0, equal=False)})])
    found = result.of("static")
    assert (found.compile_seconds, found.memory_bytes, found.formula_bytes) == (2.0, 5_000, 15_006)
    assert found.gflops == pytest.approx(shape().step_flops / STEP["train"] / 1e9)
    assert found.share_of_peak == pytest.approx(found.gflops / 15)
    assert found.time_steps_per_second == pytest.approx(15 * 5 / STEP["train"])
    assert (result.processes, result.rounds) == (3, 30)
    assert result.of("dynamic").memory_bytes is None


def test_records_of_two_machines_are_not_mixed():
    with pytest.raises(UserError, match="f, g") as refused:
        only([record({}), record({}, fingerprint="g")])
    assert refused.value.code == "benchmark.mixed_records"
