import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.cells import Lstm
from echo_rnn.core.model import Model
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.masks import Dropout, Masks
from echo_rnn.core.unroll.wavefront import wavefront
from tests.core.unroll.equality import MODES, compiled

SEED = tf.constant([3, 4])
SIZES = (4, 5, 6)


def model(unroll=dynamic, **dropout):
    return Model(tuple(Lstm(units, forget_bias=1.0) for units in SIZES), unroll, 1, 2, Dropout(**dropout))


def logits(model, masks):
    x_TBI = tf.constant(np.random.default_rng(0).normal(size=(6, 3, 1)), tf.float32)
    weights = model.initial_weights(np.random.SeedSequence(0))
    return model(weights, x_TBI, model.zero_state(3), masks=masks)[0]


def test_nothing_is_drawn_where_nothing_is_dropped():
    assert model().draw_masks(SEED, 6, 3) == Masks((), None)


def test_kept_units_make_up_for_dropped_ones():
    masks = Dropout(between=0.25, output=0.5).draw(SEED, (100, 100), 50, 8)
    for mask, rate in ((masks.between[0], 0.25), (masks.output, 0.5)):
        assert set(np.unique(mask)) == {0, np.float32(1 / (1 - rate))}
        # 40,000 independent draws: their mean is within 0.02 of 1 in all but one of a billion seeds.
        assert np.mean(mask) == pytest.approx(1, abs=0.03)


def test_a_variational_mask_stays_for_the_window_and_others_change():
    stays = model(between=0.5, output=0.5, variational=True).draw_masks(SEED, 6, 3)
    assert [mask.shape for mask in (*stays.between, stays.output)] == [(1, 3, size) for size in SIZES]
    changes = model(between=0.5).draw_masks(SEED, 6, 3).between[0]
    assert any(np.any(changes[0] != step) for step in changes[1:])


@pytest.mark.parametrize("mode", MODES)
def test_a_seed_draws_the_same_masks_however_it_is_compiled(mode):
    def draw(seed):
        return tf.nest.flatten(model(between=0.5, output=0.2).draw_masks(seed, 6, 3))

    for mask, eager in zip(compiled(draw, mode)(SEED), draw(SEED), strict=True):
        np.testing.assert_array_equal(mask, eager)


def test_layers_and_seeds_draw_masks_of_their_own():
    drawn = [Dropout(between=0.5).draw(tf.constant(seed), (64, 64, 1), 4, 4).between for seed in ([0, 0], [0, 1])]
    masks = [np.asarray(mask) for between in drawn for mask in between]
    assert len({mask.tobytes() for mask in masks}) == len(masks)


@pytest.mark.parametrize("variational", [False, True])
def test_strategies_drop_the_same_units(variational):
    masks = model(between=0.5, output=0.5, variational=variational).draw_masks(SEED, 6, 3)
    kept = logits(model(), Masks())
    dropped = logits(model(dynamic), masks)
    assert np.abs(kept - dropped).max() > 1e-3
    np.testing.assert_allclose(logits(model(wavefront), masks), dropped, atol=1e-6)


def test_a_dropped_output_leaves_the_heads_bias():
    masks = Masks((), tf.zeros((1, 3, SIZES[-1])))
    np.testing.assert_array_equal(logits(model(), masks), np.zeros((6, 3, 2)))
