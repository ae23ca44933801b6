"""Whether a strategy computes what the reference computes, tested with the very programs that are timed.

1. Where it is timed, the forward pass over a few windows: losses and the state after them. It starts, as 2 does, from a
   large state drawn at random: after a long window little is left of the state before it, but it shows in the first
   steps.
2. One training step with the optimizer's sums of squared gradients set to 0: afterwards they are the squares of the
   gradients, and the weights have moved against their signs. So the step's own variables hold the gradients in full
   precision, however small they are beside the weights. Its loss and the state after it are compared, too.
3. A few training steps from the initial variables: losses, weights and sums of squared gradients. The state after them
   is not compared: after a large step of a deep network it differs by much, in bfloat16 by any amount.

Losses, states, each gradient, all weights and all sums are compared relative to the largest value of each. Right ones
differ by rounding: sums in another order, another approximation of tanh, and the growth of both in training.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from echo_rnn.benchmark.measure.records import KINDS, Array, relative_error
from echo_rnn.benchmark.measure.workload import Program
from echo_rnn.core.shards import Carried
from echo_rnn.training.learner import Snapshot

# Between strategies that are right, float32 leaves up to 1e-5; a wrong gradient is off by tenths of itself. In bfloat16
# Keras's layers carry the state and add up gradients with 8 bits, which leaves up to 0.1.
TOLERANCES = {"float32": 1e-3, "bfloat16": 0.2}

_STEPS = 3
# A gradient this much smaller than the largest one may be what rounding leaves of zero.
_VANISHED = 1e-4

Observed = tuple[list[Array], list[Array]]
"""The results of a program: vectors of losses, states, weights and sums; and a gradient for each weight."""


def observe(program: Program, kinds: Sequence[str] = KINDS) -> Observed:
    """Runs what is compared, from the program's initial variables, and restores these.

    Args:
        program: Of a strategy.
        kinds: Those of its loops that are timed.
    """
    initial = program.learner.snapshot()
    start = _drawn_state(program)
    values = []
    if "forward" in kinds:
        program.restart(initial, start)
        values += [program.run("forward", _STEPS), _state(program)]
    gradients, after_one = _gradients(program, initial, start)
    program.restart(initial)
    values += [*after_one, program.run("train", _STEPS)]
    after = program.learner.snapshot()
    values += [_joined(after.weights), _joined(after.optimizer[-len(after.weights) :])]
    program.restart(initial)
    return values, gradients


def largest_error(seen: Observed, reference: Observed) -> float:
    """The largest difference, relative to the reference's largest value of its kind."""
    (values, gradients), (other_values, other_gradients) = seen, reference
    floor = _VANISHED * max(float(np.abs(gradient).max(initial=0.0)) for gradient in other_gradients)
    errors = [relative_error(one, other) for one, other in zip(values, other_values, strict=True)]
    errors += [relative_error(one, other, floor) for one, other in zip(gradients, other_gradients, strict=True)]
    return max(errors)


def _drawn_state(program: Program) -> Carried:
    """The same for all programs of a shape."""
    generator = np.random.default_rng(0)
    state: Carried = tf.nest.map_structure(
        lambda part: tf.constant(generator.standard_normal(part.shape), part.dtype), program.zero_state
    )
    return state


def _gradients(program: Program, initial: Snapshot, start: Carried) -> tuple[list[Array], list[Array]]:
    """The gradients of the first window, read from the optimizer (see the module); its loss and the state after it."""
    sums = len(initial.weights)
    zeroed = [np.zeros_like(array) for array in initial.optimizer[-sums:]]
    program.restart(replace(initial, optimizer=[*initial.optimizer[:-sums], *zeroed]), start)
    loss_N = program.run("train", 1)
    after = program.learner.snapshot()
    gradients = [
        np.sign(old - new) * np.sqrt(square)
        for old, new, square in zip(initial.weights, after.weights, after.optimizer[-sums:], strict=True)
    ]
    return gradients, [loss_N, _state(program)]


def _state(program: Program) -> Array:
    return _joined([np.asarray(part) for part in tf.nest.flatten(program.state)])


def _joined(arrays: list[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays])
