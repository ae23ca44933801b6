"""The network: recurrent layers, then one linear head over all time steps at once."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.model import flat
from echo_rnn.core.unroll import Masks
from tests.core.unroll.equality import MODES, compiled
from tests.oracle import Stack, Weights
from tests.training.problems import network

T, B, SIZES = 6, 3, (4, 3)
KINDS = {"lstm": ("lstm", 2), "gru": ("gru_after", 1), "rnn": ("rnn", 1)}
# Float32 has 7 digits; logits are around 1 and the sums short.
TOLERANCE = 1e-6


def window(seed=0, steps=T):
    return tf.constant(np.random.default_rng(seed).normal(size=(steps, B, 1)), tf.float32)


def oracle(cell, weights, x_TBI, masks=(), output_mask=1.0):
    flat_weights = [array.numpy().astype(np.float64) for array in flat(weights)]
    kind, states = KINDS[cell]
    stack = Stack(kind, [Weights(*flat_weights[i : i + 3]) for i in (0, 3)], masks=masks)
    h, state = stack.forward(x_TBI.numpy(), [(np.zeros((B, size)),) * states for size in SIZES])
    return (h * output_mask) @ flat_weights[-2] + flat_weights[-1], state


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", KINDS)
def test_logits_and_state_equal_the_oracle(cell, mode):
    model, x_TBI = network(cell), window()
    weights = model.initial_weights(np.random.SeedSequence(0))
    weights = weights._replace(head=weights.head._replace(bias_C=tf.constant([0.5, -1.0])))
    logits_TBC, state = compiled(model, mode)(weights, x_TBI, model.zero_state(B))
    expected, expected_state = oracle(cell, weights, x_TBI)
    np.testing.assert_allclose(logits_TBC, expected, atol=TOLERANCE)
    for ours, theirs in zip(tf.nest.flatten(state), tf.nest.flatten(expected_state), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)


def test_masks_stand_between_layers_and_before_the_head():
    model, x_TBI = network("lstm", between=0.5, output=0.5), window()
    weights = model.initial_weights(np.random.SeedSequence(0))
    masks = model.draw_masks(tf.constant([1, 2]), T, B)
    logits_TBC, _ = model(weights, x_TBI, model.zero_state(B), masks=masks)
    expected, _ = oracle("lstm", weights, x_TBI, [masks.between[0].numpy()], masks.output.numpy())
    np.testing.assert_allclose(logits_TBC, expected, atol=TOLERANCE)


def test_a_network_that_drops_drops_nothing_without_masks():
    x_TBI, plain, dropping = window(), network(), network(between=0.5, output=0.5)
    weights = plain.initial_weights(np.random.SeedSequence(0))
    logits = [model(weights, x_TBI, model.zero_state(B))[0] for model in (plain, dropping)]
    np.testing.assert_array_equal(*logits)
    assert plain.draw_masks(tf.constant([1, 2]), T, B) == Masks()


@pytest.mark.parametrize("cell", KINDS)
def test_a_carried_state_makes_two_windows_one(cell):
    model, x_TBI = network(cell), window()
    weights = model.initial_weights(np.random.SeedSequence(0))
    whole, after = model(weights, x_TBI, model.zero_state(B))
    first, state = model(weights, x_TBI[:2], model.zero_state(B))
    second, state = model(weights, x_TBI[2:], state)
    np.testing.assert_allclose(tf.concat([first, second], axis=0), whole, atol=TOLERANCE)
    for ours, theirs in zip(tf.nest.flatten(state), tf.nest.flatten(after), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)


def test_rows_of_different_lengths_end_where_they_end():
    model, x_TBI = network("lstm"), window()
    weights = model.initial_weights(np.random.SeedSequence(0))
    _, state = model(weights, x_TBI, model.zero_state(B), lengths_B=tf.constant([2, 6, 4]))
    for row, steps in enumerate((2, 6, 4)):
        _, alone = model(weights, x_TBI[:steps], model.zero_state(B))
        for ours, theirs in zip(tf.nest.flatten(state), tf.nest.flatten(alone), strict=True):
            np.testing.assert_allclose(ours[row], theirs[row], atol=TOLERANCE)


@pytest.mark.parametrize("cell", KINDS)
def test_initial_weights_belong_to_their_seed(cell):
    model = network(cell)
    one, again, other = (flat(model.initial_weights(np.random.SeedSequence(seed))) for seed in (1, 1, 2))
    for ours, theirs in zip(one, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kernels = [pair for pair in zip(one, other, strict=True) if np.unique(pair[0]).size > 2]  # biases are 0 and 1
    assert len(kernels) == 2 * len(SIZES) + 1
    assert all(np.all(ours != theirs) for ours, theirs in kernels)


def test_layers_and_kernels_start_from_numbers_of_their_own():
    model = network("rnn", sizes=(4, 4, 4))
    kernels = [
        part.numpy() for layer in model.initial_weights(np.random.SeedSequence(0)).layers[1:] for part in layer[:2]
    ]
    assert len({kernel.tobytes() for kernel in kernels}) == 4


def test_the_flat_order_is_layers_upwards_then_the_head():
    model = network("lstm", sizes=(4, 3))
    weights = model.initial_weights(np.random.SeedSequence(0))
    shapes = [(1, 16), (4, 16), (16,), (4, 12), (3, 12), (12,), (3, 2), (2,)]
    assert [tuple(leaf.shape) for leaf in flat(weights)] == shapes
