"""A trained network as one compiled loop over single time steps, which takes any number of them.

A window of one time step is run again and again, and their number is an input of the program: blocks of any size, and a
series in one piece, run the same arithmetic in the same order. One program is compiled for each batch size.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from echo_rnn.core.cells import StackState
from echo_rnn.core.compilation import Compile
from echo_rnn.core.model import Model, Weights
from echo_rnn.core.windows.loop import WindowLoop

_MOST_STEPS = 1024
_MOST_NUMBERS = 2**22  # of a block, inputs or outputs


class Program:
    """Runs a network from any state on, in the units of the network."""

    def __init__(self, model: Model, weights: Weights, mode: Compile) -> None:
        """Nothing is compiled before the first call.

        Args:
            model: The network.
            weights: Its weights.
            mode: See `WindowLoop`.
        """
        self._model = model
        self._weights = weights
        self._mode = mode
        self._loops: dict[int, WindowLoop] = {}

    def zero_state(self, batch_size: int) -> StackState:
        """The state before the first time step."""
        return self._model.zero_state(batch_size)

    def block(self, batch_size: int) -> int:
        """Time steps of one call of the compiled loop, at most."""
        widest = max(self._model.inputs, self._model.outputs)
        return max(1, min(_MOST_STEPS, _MOST_NUMBERS // (batch_size * widest)))

    def __call__(self, x_BNI: NDArray[np.float32], state: StackState) -> tuple[NDArray[np.float32], StackState]:
        """The outputs of the head `[B, N, C]` or `[B, N, K]`, and the state after the last step."""
        batch_size, steps, inputs = x_BNI.shape
        size = self.block(batch_size)
        y_BNK = np.empty((batch_size, steps, self._model.outputs), np.float32)
        for start in range(0, steps, size):
            part_BNI = x_BNI[:, start : start + size]
            count = part_BNI.shape[1]
            buffer_N1BI = np.zeros((size, 1, batch_size, inputs), np.float32)
            buffer_N1BI[:count, 0] = part_BNI.swapaxes(0, 1)
            state, (y_N1BK,) = self._loop(batch_size)([buffer_N1BI], 0, count, state)
            y_BNK[:, start : start + count] = y_N1BK[:, 0].swapaxes(0, 1)
        return y_BNK, state

    def _loop(self, batch_size: int) -> WindowLoop:
        if batch_size not in self._loops:
            outputs = [tf.TensorSpec((1, batch_size, self._model.outputs), tf.float32)]
            self._loops[batch_size] = WindowLoop(self._one_step, outputs, self._mode)
        return self._loops[batch_size]

    def _one_step(self, arrays: Any, state: StackState) -> tuple[StackState, list[tf.Tensor]]:
        (x_1BI,) = arrays
        y_1BK, state = self._model(self._weights, x_1BI, state)
        return state, [y_1BK]
