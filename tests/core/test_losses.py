"""Losses against their definitions in NumPy; weights leave steps out; windows with a carried state are one series."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.losses import LOSSES
from echo_rnn.core.losses.esr import Esr
from echo_rnn.training.learner import weights_of

STEPS, ROWS, TARGETS = 12, 3, 2
RNG = np.random.default_rng(0)
OUTPUTS, Y = RNG.normal(size=(2, STEPS, ROWS, TARGETS)).astype(np.float32)
COUNTED = RNG.integers(0, 2, (STEPS, ROWS)).astype(np.uint8)
OPTIONS = {"esr": {"pre_emphasis": 0.9, "dc_weight": 0.5}}
REAL = [name for name, kind in LOSSES.items() if kind.kind == "real"]


def loss_of(name, **options):
    return LOSSES[name](**(OPTIONS.get(name, {}) | options))


def value(loss, outputs=OUTPUTS, y=Y, counted=None, state=None):
    y, weight = tf.constant(y), None if counted is None else weights_of(tf.constant(counted))
    state = loss.zero_state(ROWS, TARGETS) if state is None else state
    result, after = loss(tf.constant(outputs), y, weight, loss.energies(y, weight, state), state)
    return float(result), after


def high_pass(signal, coefficient):
    return signal - coefficient * np.concatenate([np.zeros_like(signal[:1]), signal[:-1]])


def definition(name, counted=None):
    counted = np.ones((STEPS, ROWS)) if counted is None else counted
    error, mean = (Y - OUTPUTS).astype(np.float64), lambda of: of[counted > 0].mean()
    if name == "mse":
        return mean(error**2)
    if name == "mae":
        return mean(np.abs(error))
    ratio = mean(high_pass(error, 0.9) ** 2) / mean(high_pass(Y.astype(np.float64), 0.9) ** 2)
    weights = counted / counted.mean()
    return ratio + 0.5 * np.mean((error * weights[..., None]).mean(axis=0) ** 2) / mean(Y.astype(np.float64) ** 2)


@pytest.mark.parametrize("counted", [None, COUNTED], ids=["all", "some"])
@pytest.mark.parametrize("name", REAL)
def test_a_loss_is_what_its_equation_says_over_the_steps_that_count(name, counted):
    assert value(loss_of(name), counted=counted)[0] == pytest.approx(definition(name, counted), rel=1e-5)


@pytest.mark.parametrize("name", REAL)
def test_what_does_not_count_has_no_influence(name):
    loss, changed = loss_of(name, **({"pre_emphasis": 0.0} if name == "esr" else {})), OUTPUTS.copy()
    changed[COUNTED == 0] += 100
    assert value(loss, changed, counted=COUNTED)[0] == pytest.approx(value(loss, counted=COUNTED)[0], rel=1e-5)


def test_cross_entropy_over_the_steps_that_count():
    loss, classes = loss_of("cross_entropy"), RNG.integers(0, TARGETS, (STEPS, ROWS)).astype(np.int32)
    log_p = OUTPUTS - np.log(np.exp(OUTPUTS).sum(-1, keepdims=True))
    expected = -np.take_along_axis(log_p, classes[..., None], axis=-1)[..., 0][COUNTED > 0].mean()
    assert value(loss, y=classes, counted=COUNTED)[0] == pytest.approx(expected, rel=1e-5)


def test_the_state_of_the_filter_makes_windows_one_series():
    """Errors after the filter, added up over windows, are those of the whole series: nothing restarts at a window."""
    loss, whole, state, sums = Esr(0.9, 0.0), Esr(0.9, 0.0), None, np.zeros(2)
    for start in range(0, STEPS, 4):
        part = slice(start, start + 4)
        state = loss.zero_state(ROWS, TARGETS) if state is None else state
        energy = float(loss.energies(tf.constant(Y[part]), None, state)[0])
        result, state = value(loss, OUTPUTS[part], Y[part], state=state)
        sums += [result * energy, energy]
    assert sums[0] / sums[1] == pytest.approx(value(whole)[0], rel=1e-5)


@pytest.mark.parametrize("name", REAL)
def test_a_window_in_which_nothing_counts_has_a_loss_of_zero(name):
    assert value(loss_of(name), counted=np.zeros((STEPS, ROWS), np.uint8))[0] == 0


def test_silence_divides_by_no_zero():
    assert np.isfinite(value(loss_of("esr"), y=np.zeros_like(Y))[0])
