"""Readers of the files of other programs, in NumPy and double precision, by the rules of the formats alone.

They share nothing with `src`, and carry their state from call to call as the engines do.
"""

import json

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _exactly(numbers):
    """An array of numbers, which must be float32 to the bit."""
    array = np.array(numbers, np.float64)
    assert np.isfinite(array).all()
    np.testing.assert_array_equal(array, array.astype(np.float32))
    return array


class RtNeural:
    """A file of RTNeural; weights are stored as [in][out], one bias for each column, two rows of them in a GRU."""

    def __init__(self, path):
        self.content = json.loads(path.read_text())
        self.inputs = self.content["in_shape"][-1]
        assert len(self.content["in_shape"]) <= 3
        width, self.layers = self.inputs, []
        for layer in self.content["layers"]:
            size, weights = layer["shape"][-1], [_exactly(part) for part in layer["weights"]]
            gates = {"lstm": 4, "gru": 3, "dense": 1}[layer["type"]]
            shapes = [(width, gates * size), (size, gates * size), (gates * size,)]
            if layer["type"] == "gru":
                shapes[2] = (2, 3 * size)
            if layer["type"] == "dense":
                shapes = [shapes[0], shapes[2]]
            assert [part.shape for part in weights] == shapes
            assert isinstance(layer["activation"], str)
            self.layers.append((layer["type"], layer["activation"], size, weights))
            width = size
        self.reset()

    def reset(self):
        self.states = [(np.zeros(size), np.zeros(size)) for _, _, size, _ in self.layers]

    def __call__(self, x_NI):
        return np.array([self._step(np.array(x_I, np.float64)) for x_I in x_NI])

    def _step(self, x):
        for index, (kind, activation, size, weights) in enumerate(self.layers):
            h, c = self.states[index]
            if kind == "lstm":
                kernel, recurrent, bias = weights
                a = x @ kernel + h @ recurrent + bias
                i, f, g, o = (a[at * size : (at + 1) * size] for at in range(4))
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                x = h = sigmoid(o) * np.tanh(c)
            elif kind == "gru":
                kernel, recurrent, (bias, recurrent_bias) = weights
                a, b = x @ kernel + bias, h @ recurrent + recurrent_bias
                z, r = sigmoid(a[:size] + b[:size]), sigmoid(a[size : 2 * size] + b[size : 2 * size])
                x = h = z * h + (1 - z) * np.tanh(a[2 * size :] + r * b[2 * size :])
            else:
                x = x @ weights[0] + weights[1]
                if activation == "softmax":
                    x = np.exp(x - x.max())
                    x /= x.sum()
                else:
                    assert activation == "", "null and linear end the engine"
            self.states[index] = h, c
        return x


class AidaX(RtNeural):
    """What the plug-in makes of such a file: gains in decibels, and the input added to the output."""

    def __init__(self, path):
        super().__init__(path)
        kinds = [layer[0] for layer in self.layers]
        assert kinds in (["lstm", "dense"], ["gru", "dense"])
        assert self.layers[0][2] in (8, 12, 16, 20, 24, 32, 40, 64, 80)
        assert (self.layers[1][2], self.inputs <= 3) == (1, True)

    def __call__(self, x_NI):
        x_NI = np.array(x_NI, np.float64)
        x_NI[:, 0] *= 10 ** (self.content["in_gain"] / 20)
        y_N1 = super().__call__(x_NI) + self.content["in_skip"] * x_NI[:, :1]
        return 10 ** (self.content["out_gain"] / 20) * y_N1


class Nam:
    """A `.nam` file of architecture LSTM."""

    def __init__(self, path):
        content = json.loads(path.read_text())
        assert content["version"].startswith("0.5.")
        assert content["architecture"] == "LSTM"
        self.content, config = content, content["config"]
        size, flat = config["hidden_size"], iter(_exactly(content["weights"]))
        take = lambda *shape: np.array([next(flat) for _ in range(np.prod(shape))]).reshape(shape)  # noqa: E731
        self.layers = []
        for index in range(config["num_layers"]):
            width = size if index else config["input_size"]
            self.layers.append([take(4 * size, width + size), take(4 * size), take(size), take(size)])
        self.head, self.head_bias = take(1, size), take(1)
        assert list(flat) == [], "all weights are used"
        self.size = size
        self.reset()

    def reset(self):
        self.states = [(h.copy(), c.copy()) for _, _, h, c in self.layers]

    def __call__(self, x_NI):
        return np.array([self._step(np.array(x_I, np.float64)) for x_I in x_NI])

    def _step(self, x):
        for index, (weights, bias, _, _) in enumerate(self.layers):
            h, c = self.states[index]
            a = weights @ np.concatenate([x, h]) + bias
            i, f, g, o = np.split(a, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            x = sigmoid(o) * np.tanh(c)
            self.states[index] = x, c
        return self.head @ x + self.head_bias
