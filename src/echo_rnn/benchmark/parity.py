"""Whether a strategy computes what the reference computes, found out with the very programs that are timed.

1. The forward pass over a few windows: losses and the state after them.
2. One training step with the optimizer's sums of squared gradients set to 0: afterwards they are the squares of the
   gradients, and the weights have moved against their signs. So the step's own variables tell the gradients to full
   precision, however small they are beside the weights.
3. A few training steps from the initial variables: losses, states, weights and sums of squared gradients.

Each array is compared relative to the largest value in the reference's. What is left is rounding: sums in another
order, another approximation of tanh, and what training makes of it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from echo_rnn.benchmark.workload import Program

# Measured over all strategies, cells and modes; see tests/benchmark/test_parity.py. A wrong gradient is off by tenths.
TOLERANCES = {"float32": 2e-3, "bfloat16": 0.1}
NOT_A_NUMBER = 1e9
"""Stands for an error that is infinite or NaN, which JSON cannot hold."""

_STEPS = 3

Array = np.ndarray[Any, Any]


def observe(program: Program) -> list[Array]:
    """What is compared, from the program's initial variables, which it has again afterwards."""
    initial = program.learner.snapshot()
    seen = [program.forward(_STEPS), *_state(program)]
    weights = len(initial.weights)
    zeroed = [np.zeros_like(array) for array in initial.optimizer[-weights:]]
    program.restart(replace(initial, optimizer=[*initial.optimizer[:-weights], *zeroed]))
    program.train(1)
    after = program.learner.snapshot()
    for old, new, square in zip(initial.weights, after.weights, after.optimizer[-weights:], strict=True):
        seen.append(np.sign(old - new) * np.sqrt(square))
    program.restart(initial)
    seen += [program.train(_STEPS), *_state(program)]
    after = program.learner.snapshot()
    seen += [*after.weights, *after.optimizer[-weights:]]
    program.restart(initial)
    return seen


def largest_error(seen: list[Array], reference: list[Array]) -> float:
    """The largest difference of any array, relative to the reference's largest value in it."""
    errors = [_error(one, other) for one, other in zip(seen, reference, strict=True)]
    worst = max(errors)
    return worst if np.isfinite(worst) else NOT_A_NUMBER


def _error(array: Array, reference: Array) -> float:
    scale = float(np.abs(reference).max(initial=0.0))
    difference = float(np.abs(array.astype(np.float64) - reference).max(initial=0.0))
    if not np.isfinite(difference):
        return np.inf
    return difference / scale if scale else difference


def _state(program: Program) -> list[Array]:
    return [np.array(part) for part in tf.nest.flatten(program.state)]
