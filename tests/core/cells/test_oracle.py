"""The oracle itself: its hand-written backward pass against finite differences."""

import numpy as np
import pytest

from tests.core.unroll.problems import Shape, problem
from tests.oracle import LAYERS, Stack


def loss(problem, weights, x, state):
    h, after = Stack(problem.cell, weights, problem.lengths, problem.masks).forward(x, state)
    return (h * problem.d_h).sum() + sum(
        (part * d_part).sum()
        for layer, d_layer in zip(after, problem.d_state, strict=True)
        for part, d_part in zip(layer, d_layer, strict=True)
    )


def slope(function, array, direction, step=1e-6):
    """Central difference along `direction`; `array` is changed in place and put back."""
    kept, values = array.copy(), []
    for sign in (1, -1):
        array[...] = kept + sign * step * direction
        values.append(function())
    array[...] = kept
    return (values[0] - values[1]) / (2 * step)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", LAYERS)
def test_backward_is_the_slope_of_forward(cell, ragged):
    case = problem(cell, Shape(steps=4, batch_size=3, sizes=(3, 2)), ragged=ragged, dropped=ragged)
    stack = Stack(cell, case.weights, case.lengths, case.masks)
    stack.forward(case.x, case.state)
    gradients = stack.backward(case.d_h, case.d_state)

    def function():
        return loss(case, case.weights, case.x, case.state)

    rng = np.random.default_rng(1)
    pairs = [(case.x, gradients.x)]
    pairs += [pair for ours in zip(case.weights, gradients.weights, strict=True) for pair in zip(*ours, strict=True)]
    pairs += [pair for ours in zip(case.state, gradients.state, strict=True) for pair in zip(*ours, strict=True)]
    for array, gradient in pairs:
        direction = rng.normal(size=array.shape)
        # Truncation is about step² and rounding about eps/step, both near 1e-10 of values around 1.
        assert slope(function, array, direction) == pytest.approx((gradient * direction).sum(), rel=1e-6, abs=1e-8)
