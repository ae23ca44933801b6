"""Cells with one mistake each."""

import keras
from keras import ops

from tests.core.cells.minimal_gated import LeakyCell, MinimalGatedCell

a_number = 3


class RaisesInInit(LeakyCell):
    def __init__(self, units):
        raise RuntimeError("no licence")


class FractionOfAState(LeakyCell):
    def __init__(self, units):
        self.state_size, self.output_size = [units, units / 2], units


class SizeThatRaises(LeakyCell):
    def __init__(self, units):
        pass

    @property
    def state_size(self):
        return {}["size"]


class RaisesInBuild(MinimalGatedCell):
    def build(self, shape):
        raise NotImplementedError


class RaisesInCall(MinimalGatedCell):
    def call(self, inputs, states):
        return ops.concatenate([inputs, states[0]], axis=-1) @ ops.ones((9, 3)), states


class OutputOnly(LeakyCell):
    def call(self, inputs, states):
        return super().call(inputs, states)[0]


class WideOutput(LeakyCell):
    def call(self, inputs, states):
        return ops.ones((2, 5)), states


class Nothing(LeakyCell):
    def call(self, inputs, states):
        pass


class ThreeThings(LeakyCell):
    def call(self, inputs, states):
        return *super().call(inputs, states), None


class OneStateTooMany(LeakyCell):
    def call(self, inputs, states):
        h, _ = super().call(inputs, states)
        return h, [h, h]


class NarrowState(LeakyCell):
    def call(self, inputs, states):
        h, _ = super().call(inputs, states)
        return h, [h[:, :1]]


class HalfPrecision(LeakyCell):
    def call(self, inputs, states):
        h, _ = super().call(inputs, states)
        return h, [ops.cast(h, "float16")]


class WeightsInCall(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.state_size = self.output_size = units
        self.dense = keras.layers.Dense(units)

    def build(self, shape):
        pass

    def call(self, inputs, states):
        h = self.dense(inputs)
        return h, [h]


class NotCallable(LeakyCell):
    __call__ = None


class NotSaved(LeakyCell):
    get_config = None
