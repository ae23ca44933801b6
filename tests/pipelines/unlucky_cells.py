"""Cells that end a training in ways of their own, until a file `mended` lies in the current folder."""

import os
import signal
import sys
import time
from pathlib import Path

import keras
import tensorflow as tf


class Good(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.state_size = self.output_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.state_size), name="kernel")

    def end(self):
        """What happens while the training step is traced."""

    def call(self, inputs, states):
        if tf.inside_function() and not Path("mended").exists():
            self.end()
        h = keras.ops.tanh(inputs @ self.kernel + states[0])
        return h, [h]


class Raises(Good):
    def end(self):
        raise ZeroDivisionError("unlucky")


class Exits(Good):
    def end(self):
        sys.exit(7)


class ExitsAsIfAllWereWell(Good):
    def end(self):
        os._exit(0)


class IsKilled(Good):
    def end(self):
        os.kill(os.getpid(), signal.SIGKILL)


class ExitsWithZero(Good):
    def end(self):
        sys.exit(0)


class Slow(Good):
    """A training that takes its time and not the processor's, as long as it is compiled to nothing."""

    def call(self, inputs, states):
        time.sleep(0.01)
        return super().call(inputs, states)
