"""Exponents of time along one size, from times whose law is known."""

from dataclasses import replace

import numpy as np
import pytest

from echo_rnn.benchmark.report.growth import growths
from tests.benchmark.synthetic import shape
from tests.plots.benchmark_results import result, strategy


def measured(field, values, law, labels=("dynamic", "deferred")):
    """Results of shapes that differ in one size, whose times follow `law`."""
    return [
        result(shape(**{field: value}), [replace(strategy(label), step_seconds=law(value)) for label in labels])
        for value in values
    ]


@pytest.mark.parametrize("field", ["window", "batch_size", "units"])
@pytest.mark.parametrize("power", [0.5, 1, 2.5])
def test_a_power_law_is_found_exactly(field, power):
    found = list(growths(measured(field, [64, 16, 32, 128], lambda value: 1e-3 * value**power)))
    assert [(each.label, each.field, each.values) for each in found] == [
        (label, field, [16, 32, 64, 128]) for label in ("dynamic", "deferred")
    ]
    for each in found:
        assert each.exponent.estimate == pytest.approx(power, abs=1e-9)
        assert each.exponent.high - each.exponent.low == pytest.approx(0, abs=1e-6)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        (found, *_) = growths(
            measured("batch_size", [8, 16, 32, 64, 128], lambda rows: rows * np.exp(rng.normal(0, 0.05)))
        )
        held += found.exponent.low <= 1 <= found.exponent.high
    assert 0.92 <= held / 400 <= 0.98


def test_two_shapes_and_shapes_that_differ_twice_show_no_growth():
    assert not list(growths(measured("batch_size", [8, 16], float)))
    assert not list(growths([result(shape(batch_size=n, window=n), [strategy("dynamic")]) for n in (8, 16, 32, 64)]))


def test_a_time_that_is_missing_is_left_out():
    results = measured("units", [8, 16, 32, 64], float, ["dynamic"])
    results[1] = replace(results[1], contestants=[replace(strategy("dynamic"), step_seconds=None)])
    (found,) = growths(results)
    assert found.values == [8, 32, 64]


def test_shapes_in_two_crossing_series_count_in_both():
    results = [
        result(shape(batch_size=rows, window=window), [strategy("dynamic")])
        for rows, window in ((8, 10), (16, 10), (32, 10), (8, 20), (8, 40))
    ]
    assert {(each.field, tuple(each.values)) for each in growths(results)} == {
        ("batch_size", (8, 16, 32)),
        ("window", (10, 20, 40)),
    }
