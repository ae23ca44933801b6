"""The recurrent layers in NumPy with a backward pass written by hand.

Written from the equations, it shares no code with `src` and is what every strategy is held against. Gate order, weight
layout and bias shapes are Keras's: LSTM i, f, g, o; GRU z, r, n with `[2, 3·S]` bias in the reset-after form.

A layer's `step` returns the state after and what its `back` wants to see again. `back` takes the gradients of the state
after and returns those of the input, of the weights and of the state before.
"""

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray


class Gradients(NamedTuple):
    weights: list[Weights]
    x: np.ndarray
    state: list[tuple[np.ndarray, ...]]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class Lstm:
    gates, states = 4, 2

    def bias_shape(self, units):
        return (4 * units,)

    def step(self, weights, x, state):
        h, c = state
        i, f, g, o = np.split(x @ weights.kernel + h @ weights.recurrent + weights.bias, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c_after = f * c + i * g
        return (o * np.tanh(c_after), c_after), (x, h, c, i, f, g, o, c_after)

    def back(self, weights, seen, d_state):
        x, h, c, i, f, g, o, c_after = seen
        d_h, d_c = d_state
        d_o = d_h * np.tanh(c_after)
        d_c = d_c + d_h * o * (1 - np.tanh(c_after) ** 2)
        d_i, d_f, d_g = d_c * g, d_c * c, d_c * i
        d_z = np.concatenate([d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g**2), d_o * o * (1 - o)], axis=1)
        d_weights = Weights(x.T @ d_z, h.T @ d_z, d_z.sum(0))
        return d_z @ weights.kernel.T, d_weights, (d_z @ weights.recurrent.T, d_c * f)


class Rnn:
    gates, states = 1, 1

    def bias_shape(self, units):
        return (units,)

    def step(self, weights, x, state):
        (h,) = state
        h_after = np.tanh(x @ weights.kernel + h @ weights.recurrent + weights.bias)
        return (h_after,), (x, h, h_after)

    def back(self, weights, seen, d_state):
        x, h, h_after = seen
        d_z = d_state[0] * (1 - h_after**2)
        return d_z @ weights.kernel.T, Weights(x.T @ d_z, h.T @ d_z, d_z.sum(0)), (d_z @ weights.recurrent.T,)


class GruAfter:
    gates, states = 3, 1

    def bias_shape(self, units):
        return (2, 3 * units)

    def step(self, weights, x, state):
        (h,) = state
        a_z, a_r, a_n = np.split(x @ weights.kernel + weights.bias[0], 3, axis=1)
        b_z, b_r, b_n = np.split(h @ weights.recurrent + weights.bias[1], 3, axis=1)
        z, r = sigmoid(a_z + b_z), sigmoid(a_r + b_r)
        n = np.tanh(a_n + r * b_n)
        return (z * h + (1 - z) * n,), (x, h, z, r, n, b_n)

    def back(self, weights, seen, d_state):
        x, h, z, r, n, b_n = seen
        (d_h,) = d_state
        d_an = d_h * (1 - z) * (1 - n**2)
        d_az = d_h * (h - n) * z * (1 - z)
        d_ar = d_an * b_n * r * (1 - r)
        d_a = np.concatenate([d_az, d_ar, d_an], axis=1)
        d_b = np.concatenate([d_az, d_ar, d_an * r], axis=1)
        d_weights = Weights(x.T @ d_a, h.T @ d_b, np.stack([d_a.sum(0), d_b.sum(0)]))
        return d_a @ weights.kernel.T, d_weights, (d_h * z + d_b @ weights.recurrent.T,)


class GruBefore:
    gates, states = 3, 1

    def bias_shape(self, units):
        return (3 * units,)

    def step(self, weights, x, state):
        (h,) = state
        u_z, u_r, u_n = np.split(weights.recurrent, 3, axis=1)
        a_z, a_r, a_n = np.split(x @ weights.kernel + weights.bias, 3, axis=1)
        z, r = sigmoid(a_z + h @ u_z), sigmoid(a_r + h @ u_r)
        n = np.tanh(a_n + (r * h) @ u_n)
        return (z * h + (1 - z) * n,), (x, h, z, r, n)

    def back(self, weights, seen, d_state):
        x, h, z, r, n = seen
        (d_h,) = d_state
        u_z, u_r, u_n = np.split(weights.recurrent, 3, axis=1)
        d_an = d_h * (1 - z) * (1 - n**2)
        d_az = d_h * (h - n) * z * (1 - z)
        d_rh = d_an @ u_n.T
        d_ar = d_rh * h * r * (1 - r)
        d_a = np.concatenate([d_az, d_ar, d_an], axis=1)
        d_u = np.concatenate([h.T @ d_az, h.T @ d_ar, (r * h).T @ d_an], axis=1)
        d_before = d_h * z + d_rh * r + d_az @ u_z.T + d_ar @ u_r.T
        return d_a @ weights.kernel.T, Weights(x.T @ d_a, d_u, d_a.sum(0)), (d_before,)


LAYERS = {"lstm": Lstm(), "gru_after": GruAfter(), "gru_before": GruBefore(), "rnn": Rnn()}


class Stack:
    """Layers of one kind over a whole window; `forward` remembers what `backward` needs.

    `lengths` gives each row's number of steps: past it outputs are zero and the state is copied through. `masks` has
    for each boundary between layers a factor of shape `[T, B, S]` for the output that the lower layer hands up.
    """

    def __init__(self, cell, weights, lengths=None, masks=()):
        self.layer, self.weights, self.lengths, self.masks = LAYERS[cell], weights, lengths, masks

    def _active(self, t, rows):
        return np.ones((rows, 1), bool) if self.lengths is None else t < np.asarray(self.lengths)[:, None]

    def forward(self, x, state):
        self.seen, outputs, state = [], [], list(state)
        for t, x_t in enumerate(x):
            active, h, seen_t = self._active(t, len(x_t)), x_t, []
            for index, weights in enumerate(self.weights):
                after, seen = self.layer.step(weights, h, state[index])
                state[index] = tuple(np.where(active, new, old) for new, old in zip(after, state[index], strict=True))
                h = after[0] * self.masks[index][t] if index < len(self.masks) else after[0]
                seen_t.append(seen)
            outputs.append(np.where(active, h, 0))
            self.seen.append(seen_t)
        return np.stack(outputs), state

    def backward(self, d_h, d_state):
        """Gradients of a loss from its gradients with respect to the outputs and the state after the window."""
        d_weights = [Weights(*(np.zeros_like(part) for part in weights)) for weights in self.weights]
        d_state, d_x = [tuple(map(np.array, layer)) for layer in d_state], []
        for t in reversed(range(len(d_h))):
            active = self._active(t, d_h.shape[1])
            d_out = np.where(active, d_h[t], 0)
            for index in reversed(range(len(self.weights))):
                if index < len(self.masks):
                    d_out = d_out * self.masks[index][t]
                d_after = [np.where(active, part, 0) for part in d_state[index]]
                d_after[0] = d_after[0] + d_out
                d_out, step, before = self.layer.back(self.weights[index], self.seen[t][index], d_after)
                kept = [np.where(active, 0, part) for part in d_state[index]]
                d_state[index] = tuple(new + old for new, old in zip(before, kept, strict=True))
                d_weights[index] = Weights(*(a + b for a, b in zip(d_weights[index], step, strict=True)))
            d_x.append(d_out)
        return Gradients(d_weights, np.stack(d_x[::-1]), d_state)
