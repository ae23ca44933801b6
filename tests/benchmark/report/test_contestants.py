"""Ratios to the best of ours, from samples whose truth is known."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from echo_rnn.benchmark.measure.records import Prepared, Record, Sample, again
from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.answer import answer
from echo_rnn.benchmark.report.statistics import results
from echo_rnn.stages.report import summary
from tests.benchmark.shapes import SEED

compare = partial(results, formula=None)
TRUTH = {"first": 3e-4, "best": 1e-4, "C": 5e-5, "JAX": 4e-4}
OURS = ("first", "best")


def record(seed=0, rounds=12, noise=0.02, truth=TRUTH, **changes):
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(rounds):
        slowed = rng.uniform(1, 3)  # what slows a round slows all of it
        for order, (name, step) in enumerate(truth.items()):
            seconds = 50 * step * slowed * np.exp(rng.normal(0, noise))
            samples.append(Sample(number, order, name, "train", 50, seconds, float(len(samples))))
    prepared = {name: Prepared(name in OURS, 2) for name in truth}
    values = {"shape": SEED, "prepared": prepared, "samples": samples, "reference": "first", **changes}
    return Record(fingerprint="mark", environment={}, load=(0.0, 0.0), peak_gflops=None, **values)


def test_ratios_are_over_the_best_of_ours_and_hold_the_truth():
    (comparison,) = compare([record(seed) for seed in range(3)])
    assert (comparison.reference, comparison.processes, comparison.rounds) == ("best", 3, 36)
    assert [each.label for each in comparison.contestants] == ["C", "best", "first", "JAX"]
    for each in comparison.contestants:
        truth = TRUTH["best"] / TRUTH[each.label]
        assert each.speedup.low <= truth <= each.speedup.high
        assert each.speedup.estimate == pytest.approx(truth, rel=0.03)
        assert each.step_seconds == pytest.approx(comparison.of("best").step_seconds / each.speedup.estimate)
    verdicts = {each.label: each.verdict for each in comparison.contestants}
    assert verdicts == {"C": "faster", "best": "reference", "first": "slower", "JAX": "slower"}


def test_what_slows_a_round_does_not_widen_intervals():
    (comparison,) = compare([record()])
    assert all(each.speedup.high / each.speedup.low < 1.1 for each in comparison.contestants)


def test_steps_and_whole_processes_are_compared_apart():
    both = compare([record(), record(work="process")])
    assert [bool(comparison.trained) for comparison in both] == [False, True]
    assert len(summary(both)) == 2 * len(TRUTH)


def test_whole_processes_of_other_steps_or_another_of_ours_are_compared_apart():
    one = record(work="process")
    longer = record(work="process", samples=[replace(sample, steps=100) for sample in one.samples])
    other = record(work="process", reference="best")
    found = compare([one, longer, other, one])
    assert [(each.trained, each.processes) for each in found] == [
        ("50 steps of first", 2),
        ("100 steps of first", 1),
        ("50 steps of best", 1),
    ]
    assert len(answer("", found).columns) == 3


def test_a_start_without_any_of_ours_is_left_out():
    samples = [sample for sample in record().samples if sample.slot not in OURS]
    assert compare([record(samples=samples)]) == []


def test_what_was_not_timed_has_no_ratio_and_its_trouble_in_the_table():
    lost = {"Keras": Prepared(False, 2, trouble="tired")}
    (comparison,) = compare([record(prepared=record().prepared | lost)])
    found = answer("How fast?", [comparison])
    assert [*found.verdicts["Keras"][0].counts, *found.verdicts["JAX"][0].counts] == ["untimed", "slower"]
    (sentence,) = words.sentences(found)
    assert "C, which takes 0.5" in sentence and "Keras" not in sentence
    rows = {row["contestant"]: row for row in words.number_rows([comparison])}
    assert (rows["Keras"]["trouble"], rows["Keras"]["training step"]) == ("tired", "–")


def test_the_control_of_a_comparison_is_no_contestant_and_decides_what_is_claimed():
    skewed = TRUTH | {again("first"): 2 * TRUTH["first"]}
    (comparison,) = compare([record(seed, truth=skewed) for seed in range(3)])
    assert comparison.control.estimate == pytest.approx(0.5, rel=0.03)
    assert {each.label for each in comparison.contestants} == set(TRUTH)
    assert comparison.of("C").verdict == "undecided"
    assert comparison.of("JAX").verdict == "slower"
    assert "control differs" in {noise.kind for noise in comparison.noise}
