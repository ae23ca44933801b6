"""Ratios to the best of ours, from samples whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from echo_rnn.benchmark.measure.records import Prepared, Record, Sample
from echo_rnn.peers.results import compare, summary
from echo_rnn.peers.words import named, sentences, table
from tests.benchmark.shapes import SEED

TRUTH = {"first": 3e-4, "best": 1e-4, "C": 5e-5, "JAX": 4e-4}
OURS = ("first", "best")


def record(seed=0, rounds=12, noise=0.02, **changes):
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(rounds):
        slowed = rng.uniform(1, 3)  # what slows a round slows all of it
        for order, (name, step) in enumerate(TRUTH.items()):
            seconds = 50 * step * slowed * np.exp(rng.normal(0, noise))
            samples.append(Sample(number, order, name, "train", 50, seconds, float(len(samples))))
    prepared = {name: Prepared(name in OURS, 2) for name in TRUTH}
    values = {"shape": SEED, "prepared": prepared, "samples": samples, "reference": "first", **changes}
    return Record(fingerprint="mark", environment={}, load=(0.0, 0.0), peak_gflops=None, **values)


def test_ratios_are_over_the_best_of_ours_and_hold_the_truth():
    (comparison,) = compare([record(seed) for seed in range(3)])
    assert (comparison.best, comparison.starts, comparison.rounds) == ("best", 3, 36)
    assert [standing.entry.name for standing in comparison.standings] == ["C", "best", "first", "JAX"]
    for standing in comparison.standings:
        truth = TRUTH[standing.entry.name] / TRUTH["best"]
        assert standing.ratio.low <= truth <= standing.ratio.high or standing.entry.name == "best"
        assert standing.ratio.estimate == pytest.approx(truth, rel=0.03)


def test_what_slows_a_round_does_not_widen_intervals():
    (comparison,) = compare([record()])
    assert all(each.ratio.high / each.ratio.low < 1.1 for each in comparison.standings)


def test_steps_and_whole_processes_are_compared_apart():
    both = compare([record(), record(work="process")])
    assert [comparison.work for comparison in both] == ["steps", "process"]
    assert len(summary(both)) == 2 * len(TRUTH)


def test_whole_processes_of_other_steps_or_another_of_ours_are_compared_apart():
    one = record(work="process")
    longer = record(work="process", samples=[replace(sample, steps=100) for sample in one.samples])
    other = record(work="process", reference="best")
    found = compare([one, longer, other, one])
    assert [(each.trained, each.starts) for each in found] == [
        ("50 steps of first", 2),
        ("100 steps of first", 1),
        ("50 steps of best", 1),
    ]
    assert len(set(map(named, found))) == 3


def test_a_start_without_any_of_ours_is_left_out():
    samples = [sample for sample in record().samples if sample.slot not in OURS]
    assert compare([record(samples=samples)]) == []


def test_words_name_what_was_timed_and_what_was_not():
    lost = {"Keras": Prepared(False, 2, trouble="tired")}
    (comparison,) = compare([record(prepared=record().prepared | lost)])
    assert "JAX 4" in sentences(comparison) and "Keras" not in sentences(comparison)
    rows = {row["contestant"]: row for row in table([comparison])}
    assert (rows["Keras"]["trouble"], rows["Keras"]["training step"]) == ("tired", "–")
    assert rows["best"]["of our best's"] == "our best"
