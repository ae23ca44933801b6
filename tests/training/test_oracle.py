"""Training equals NumPy: the recurrent layers of `tests.oracle`, a head, a loss and Adagrad written here by hand."""

import numpy as np
import pytest

from tests.core.unroll.equality import MODES
from tests.oracle import Stack, Weights
from tests.training.problems import LEFTOVER, ROWS, WINDOW, WINDOWS, dataset, learner, network, trained

CELLS = {"lstm": ("lstm", 2), "gru": ("gru_after", 1), "rnn": ("rnn", 1)}


def oracle_training(cell, flat, data, epochs):
    """Loss and accuracy of every step, and the weights at the end."""
    kind, states = CELLS[cell]
    flat = [array.astype(np.float64) for array in flat]
    squares = [np.full_like(array, 0.1) for array in flat]
    losses, accuracies = [], []
    for epoch in range(epochs):
        sizes = [recurrent.shape[0] for recurrent in flat[1:-2:3]]
        state = [tuple(np.zeros((ROWS, size)) for _ in range(states)) for size in sizes]
        for w in range(WINDOWS):
            x, y = (kind[epoch].T[w * WINDOW : (w + 1) * WINDOW] for kind in (data.train.x_EBNI[..., 0], data.train.y))
            layers, (kernel, bias) = [Weights(*flat[i : i + 3]) for i in range(0, len(flat) - 2, 3)], flat[-2:]
            stack = Stack(kind, layers)
            h, state = stack.forward(x[..., None].astype(np.float64), state)
            logits = h @ kernel + bias
            p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
            target = np.eye(2)[y]
            losses.append(-np.log((p * target).sum(-1)).mean())
            accuracies.append((logits.argmax(-1) == y).mean())
            d_logits = (p - target) / y.size
            d_layers = stack.backward(d_logits @ kernel.T, [tuple(map(np.zeros_like, layer)) for layer in state])
            d_head = [np.einsum("tbs,tbc->sc", h, d_logits), d_logits.sum((0, 1))]
            gradients = [part for layer in d_layers.weights for part in layer] + d_head
            squares = [square + d**2 for square, d in zip(squares, gradients, strict=True)]
            flat = [
                array - 0.3 * d / np.sqrt(square + 1e-7)
                for array, d, square in zip(flat, gradients, squares, strict=True)
            ]
    return losses, accuracies, flat


@pytest.mark.parametrize(
    ("cell", "mode"),
    [
        *(("lstm", mode) for mode in MODES),
        ("rnn", "graph"),
        pytest.param("gru", "graph", marks=pytest.mark.slow),
        pytest.param("gru", "xla", marks=pytest.mark.slow),
    ],
)
def test_training_equals_the_oracle(cell, mode):
    """State carried from window to window and zeroed at each epoch, leftovers not trained on, two epochs."""
    data, pupil = dataset(epochs=2), learner(network(cell))
    losses, accuracies, weights = oracle_training(cell, pupil.snapshot().weights, data, epochs=2)
    ours = trained(pupil, data, epochs=2, compile=mode)
    # Float32 against float64: 7 digits, of which 18 steps of Adagrad with a learning rate of 0.3 leave 4.
    np.testing.assert_allclose(ours.losses, losses, rtol=1e-4)
    # XLA divides by multiplying, a bit beside the quotient.
    np.testing.assert_allclose(ours.scores, accuracies, rtol=1e-6)
    for our, their in zip(ours.variables, weights, strict=False):
        np.testing.assert_allclose(our, their, rtol=1e-3, atol=1e-4)
    assert ours.history.leftover_steps == LEFTOVER
