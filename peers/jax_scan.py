"""JAX: `lax.scan` over the steps of a window within `lax.scan` over the windows of an epoch, compiled as one.

python jax_scan.py UNROLL PROBLEM     UNROLL: time steps in the body of the inner loop, 0 for all
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from echo_rnn.benchmark.measure.problem import Problem
from echo_rnn.benchmark.measure.worker import TRAIN, Ready, serve


def cell(layer, x_BI, state):
    """One LSTM layer at one time step; its matrix takes input and output of the step before at once."""
    kernel, bias = layer
    h_BS, c_BS = state
    i, f, g, o = jnp.split(jnp.concatenate([x_BI, h_BS], axis=-1) @ kernel + bias, 4, axis=-1)
    c_BS = jax.nn.sigmoid(f) * c_BS + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c_BS), c_BS


def window_loss(weights, x_TBI, y_TB, state, unroll):
    """Mean cross-entropy of a window, or mean squared error of a real target, and the state after it."""
    *layers, (head, head_bias) = weights

    def one_step(state, x_BI):
        after = []
        for layer, before in zip(layers, state, strict=True):
            x_BI, c_BS = cell(layer, x_BI, before)
            after.append((x_BI, c_BS))
        return after, x_BI

    state, h_TBS = lax.scan(one_step, state, x_TBI, unroll=unroll)
    logits_TBC = h_TBS @ head + head_bias
    if logits_TBC.shape[-1] == 1:
        return jnp.square(logits_TBC[..., 0] - y_TB).mean(), state
    losses_TB = jax.nn.logsumexp(logits_TBC, axis=-1) - jnp.take_along_axis(logits_TBC, y_TB[..., None], -1)[..., 0]
    return losses_TB.mean(), state


def prepare(problem: Problem) -> Ready:
    """Makes the function of an epoch, a pass over all windows; its first call compiles it."""
    unroll = int(sys.argv[1]) or problem.window
    rate, epsilon = problem.learning_rate, problem.epsilon

    def one_window(carry, arrays):
        weights, sums, state = carry
        (loss, state), gradients = jax.value_and_grad(window_loss, has_aux=True)(weights, *arrays, state, unroll)
        sums = jax.tree.map(lambda s, g: s + g * g, sums, gradients)
        weights = jax.tree.map(lambda w, g, s: w - rate * g / jnp.sqrt(s + epsilon), weights, gradients, sums)
        return (weights, sums, state), loss

    @partial(jax.jit, donate_argnums=0)
    def epoch(carry, arrays):
        return lax.scan(one_window, carry, arrays)

    def zeros():
        # An array of its own each time: what is donated must not be shared.
        return jnp.zeros((problem.batch_size, problem.units))

    weights = grouped(problem)
    sums = jax.tree.map(lambda w: jnp.full_like(w, problem.accumulator), weights)
    carry = (weights, sums, [(zeros(), zeros()) for _ in range(problem.layers)])
    arrays = jnp.asarray(problem.x_WTBI), jnp.asarray(problem.y_WTB)

    def run(units):
        nonlocal carry
        losses = []
        for _ in range(units):
            carry, losses_W = epoch(carry, arrays)
            losses.append(losses_W)
        return np.concatenate(losses)

    return Ready({TRAIN: run}, problem.windows, f"jax {jax.__version__}")


def grouped(problem: Problem):
    """The weights as pairs of kernel and bias: one for each layer, one for the head."""
    *flat, head, head_bias = problem.weights
    layers = [(np.concatenate(flat[n : n + 2]), flat[n + 2]) for n in range(0, len(flat), 3)]
    return [(jnp.asarray(kernel), jnp.asarray(bias)) for kernel, bias in [*layers, (head, head_bias)]]


serve(prepare)
