"""Tasks made from a seed, against what they say they are."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import odeint

from echo_rnn.core.windows.counting import NO_CLASS, counted
from echo_rnn.tasks import clipper
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tasks.synthetic import SplitLengths, generate
from echo_rnn.tasks.table import TASKS as ALL

ROWS, ROW_STEPS = 3, 44
TASKS = {name: kind for name, kind in ALL.items() if kind.seeded}
FIELDS = {
    "echo": {"echo_step": 3},
    "adding": {"sequence_steps": 10},
    "copy": {"symbols": 4, "copied": 3, "delay": 4},
    "parity": {"parity_steps": 3},
    "clipper": {"drive": 4.0},
}


def task_of(name, rows=ROWS):
    return TASKS[name].make(rows, **FIELDS[name])


def series(task, steps=ROW_STEPS, seed=0):
    """The inputs `[B, N, I]` and targets of one series."""
    x, y = zip(*task.blocks(np.random.SeedSequence(seed), task.rows * steps), strict=True)
    x, y = np.concatenate(x), np.concatenate(y)
    return x.reshape(task.rows, steps, -1), y.reshape(task.rows, steps, *y.shape[1:])


@pytest.mark.parametrize("name", TASKS)
def test_a_dataset_has_what_the_ends_say(name, tmp_path):
    task = task_of(name)
    lengths = SplitLengths(ROWS * ROW_STEPS, ROWS * 20, ROWS * 30, warmup=5)
    generate(task, seed=0, epochs=2, lengths=lengths, folder=tmp_path)
    data = open_dataset(tmp_path)
    assert data.ends.to_dict() == task.ends.to_dict()
    assert data.parameters == {key: getattr(task, key) for key in FIELDS[name]}
    assert data.train.x_EBNI.shape == (2 if task.fresh else 1, ROWS, ROW_STEPS, task.ends.inputs)
    real = task.ends.kind == "real"
    assert data.test.y.shape == (1, ROWS, 30, *([task.ends.outputs] if real else []))
    assert (data.warmup, data.test.x_EBNI.dtype) == (5, task.x_dtype)
    assert np.isfinite(data.train.x_EBNI).all()
    validation, test = (part.x_EBNI[:, :, :20] for part in (data.validation, data.test))
    assert (validation != test).any(), "a test series is another one"


@pytest.mark.parametrize("name", TASKS)
def test_a_series_is_the_same_again_and_another_with_another_seed(name):
    one, again, other = (series(task_of(name), seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_what_the_table_says(name):
    own = {field.name for field in dataclasses.fields(task_of(name))}
    assert own == {*TASKS[name].options, "rows"}
    ends = task_of(name).ends
    assert (ends.kind, bool(ends.own_inputs)) == (TASKS[name].targets({}), TASKS[name].own_inputs)


def test_parity_is_of_the_last_bits_and_of_zeros_before_the_row():
    x, y = series(task_of("parity"), 500)
    known = np.pad(x[..., 0], ((0, 0), (2, 0)))
    np.testing.assert_array_equal(y, (known[:, 2:] + known[:, 1:-1] + known[:, :-2]) % 2)


def test_parity_goes_on_across_blocks(monkeypatch):
    whole = series(task_of("parity"), 500)
    monkeypatch.setattr("echo_rnn.tasks.parity._BLOCK_STEPS", 7)
    x, y = series(task_of("parity"), 500)
    known = np.pad(x[..., 0], ((0, 0), (2, 0)))
    np.testing.assert_array_equal(y, (known[:, 2:] + known[:, 1:-1] + known[:, :-2]) % 2)
    assert whole[0].shape == x.shape


def test_sums_of_two_marked_numbers_are_told_at_the_end_of_each_sequence():
    x, y = series(task_of("adding"))
    for row in range(ROWS):
        for start in range(0, 40, 10):
            numbers, marks = x[row, start : start + 10].T
            assert (marks[:5].sum(), marks[5:].sum()) == (1, 1)
            assert y[row, start + 9, 0] == pytest.approx((numbers * marks).sum(), rel=1e-6)
            assert np.isnan(y[row, start : start + 9]).all()


def test_a_constant_guess_leaves_the_chance_level_of_adding():
    _, y = series(task_of("adding"), 200_000)
    assert np.nanvar(y) == pytest.approx(task_of("adding").chance, rel=0.02)


def test_copied_symbols_come_back_after_the_mark():
    x, y = series(task_of("copy"))
    for row in range(ROWS):
        for start in range(0, 44, 11):
            tokens, said = x[row, start : start + 11].argmax(-1), y[row, start : start + 11]
            np.testing.assert_array_equal(tokens[:3] - 2, said[-3:] - 1)
            np.testing.assert_array_equal(tokens[3:], [0, 0, 0, 0, 1, 0, 0, 0])
            assert not said[:-3].any()
    assert (x.sum(-1) == 1).all()


def test_blanks_and_random_symbols_reach_the_chance_level_of_copy():
    task = task_of("copy")
    _, y = series(task, 110_000)
    guess = np.where(y == 0, 0, np.random.default_rng(1).integers(1, 5, y.shape))
    assert np.mean(guess == y) == pytest.approx(task.chance, abs=2e-3)


def test_the_clipper_solves_its_equation():
    """Beside LSODA, which takes a hundred times as long: the error is 50 dB below the signal."""
    u_BN = 4 * np.stack([clipper.performance(np.random.default_rng(seed), 600) for seed in range(4)])

    def slope(v_B, n):
        before = min(int(n), 598)
        u_B = u_BN[:, before] + (n - before) * (u_BN[:, before + 1] - u_BN[:, before])
        return clipper.LEAK * (u_B - v_B) - clipper.DIODES * np.sinh(v_B / clipper.SLOPE)

    exact = odeint(slope, np.zeros(4), np.arange(600), ml=0, mu=0, rtol=1e-6, atol=1e-8, mxstep=10_000).T
    ours = clipper.clipped(u_BN)
    assert np.sum((ours - exact) ** 2) < 1e-5 * np.sum(exact**2)
    assert np.abs(ours).max() < 0.7 < np.abs(u_BN).max(), "diodes clip"


def test_steps_without_a_target_and_those_that_warm_up_do_not_count():
    classes = np.array([[1, NO_CLASS, 0, 1]], np.uint8).T.reshape(2, 2, 1)
    y, flags = counted(classes, steps_before=10, warmup=11)
    np.testing.assert_array_equal(flags.ravel(), [0, 0, 1, 1])
    np.testing.assert_array_equal(y.ravel(), [1, 0, 0, 1])
    real = np.array([[1.0, np.nan], [2.0, 3.0]], np.float32).reshape(1, 2, 1, 2)
    y, flags = counted(real, steps_before=0, warmup=0)
    np.testing.assert_array_equal(flags.ravel(), [0, 1])
    np.testing.assert_array_equal(y.reshape(2, 2), [[0, 0], [2, 3]])


def test_the_seeds_series_are_what_they_have_been(tmp_path):
    """The bytes of the article's task since version 0.1: no change of the format or of other tasks moves them."""
    import hashlib  # noqa: PLC0415

    generate(task_of("echo", 5), seed=0, epochs=1, lengths=SplitLengths(50_000, 50_000, 50_000), folder=tmp_path)
    test = open_dataset(tmp_path).test
    digests = [hashlib.sha256(np.ascontiguousarray(part).tobytes()).hexdigest()[:16] for part in (test.x_EBNI, test.y)]
    assert digests == ["9933f561c73b770a", "d31ec8f29a44994d"]
