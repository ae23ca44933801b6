"""The example of a cell of one's own: the minimal gated unit (Zhou et al. 2016), one gate for both jobs."""

import keras
from keras import ops


class MinimalGatedCell(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.state_size = self.output_size = units

    def build(self, shape):
        size = shape[-1] + self.state_size
        self.gate = self.add_weight(shape=(size, self.state_size), name="gate")
        self.candidate = self.add_weight(shape=(size, self.state_size), name="candidate")

    def call(self, inputs, states):
        (h,) = states
        f = ops.sigmoid(ops.concatenate([inputs, h], axis=-1) @ self.gate)
        n = ops.tanh(ops.concatenate([inputs, f * h], axis=-1) @ self.candidate)
        h = (1 - f) * h + f * n
        return h, [h]


class LeakyCell:
    """A cell that is no layer and has no weights."""

    def __init__(self, units):
        self.state_size = self.output_size = units

    def call(self, inputs, states):
        h = 0.5 * states[0] + ops.sum(inputs, axis=-1, keepdims=True)
        return h, [h]

    # What follows is for Keras's RNN, as which the trained network is saved.
    compute_dtype = "float32"

    def __call__(self, inputs, states):
        return self.call(inputs, states)

    def get_config(self):
        return {"units": self.state_size}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
