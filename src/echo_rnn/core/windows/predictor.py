"""Predictions along a series: the forward pass only, window by window, with the state carried."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from echo_rnn.core.cells import StackState
from echo_rnn.core.compilation import Compile
from echo_rnn.core.model import Model, Weights, features
from echo_rnn.core.windows.buffers import buffers, capacity
from echo_rnn.core.windows.loop import WindowLoop


@dataclass(frozen=True)
class Chunk:
    """A stretch of a series with the network's predictions.

    Attributes:
        x_BN: Input bits.
        y_BN: Target bits.
        logits_BNC: The network's outputs.
    """

    x_BN: NDArray[np.uint8]
    y_BN: NDArray[np.uint8]
    logits_BNC: NDArray[np.float32]


class Predictor:
    """Runs a network along series; series of one shape share a compiled program."""

    def __init__(
        self, model: Model, weights: Callable[[], Weights], window: int, mode: Compile, *, zeroed: bool = False
    ) -> None:
        """Nothing is traced yet.

        Args:
            model: The network.
            weights: Returns its weights; called inside the graph, so that variables are read when it runs.
            window: Time steps of a window.
            mode: See `WindowLoop`; predictions are not sharded.
            zeroed: Whether the state is zeroed before every window instead of carried.
        """
        self._model = model
        self._weights = weights
        self._window = window
        self._mode = mode
        self._zeroed = zeroed
        self._loops: dict[tuple[int, ...], WindowLoop] = {}

    def __call__(self, x_BN: NDArray[np.uint8], y_BN: NDArray[np.uint8], *, leftover: bool) -> Iterator[Chunk]:
        """Yields the series in chunks of bounded size, from a zero state on.

        Args:
            x_BN: Input bits.
            y_BN: Target bits, returned beside the outputs.
            leftover: Whether the steps that fill no window are run too, as one shorter window.
        """
        batch_size, steps = x_BN.shape
        state = self._model.zero_state(batch_size)
        whole = steps - steps % self._window
        for start, stop, window in ((0, whole, self._window), (whole, steps, steps - whole)):
            if start < stop and (leftover or window == self._window):
                for chunk, after in self._run(x_BN[:, start:stop], y_BN[:, start:stop], window, state):
                    state = after
                    yield chunk

    def _run(
        self, x_BN: NDArray[np.uint8], y_BN: NDArray[np.uint8], window: int, state: StackState
    ) -> Iterator[tuple[Chunk, StackState]]:
        batch_size, steps = x_BN.shape
        size = capacity(steps, batch_size, window)
        for buffer in buffers((x_BN, y_BN), window, size):
            x_WTB, y_WTB = buffer.arrays
            loop = self._loop(x_WTB)
            state, (logits_WTBC,) = loop([x_WTB], 0, buffer.count, state)
            series = [_along_rows(array[: buffer.count]) for array in (x_WTB, y_WTB, logits_WTBC)]
            yield Chunk(*series), state

    def _loop(self, x_WTB: NDArray[np.uint8]) -> WindowLoop:
        if x_WTB.shape not in self._loops:
            _, steps, batch_size = x_WTB.shape
            outputs = [tf.TensorSpec((steps, batch_size, self._model.classes), tf.float32)]
            self._loops[x_WTB.shape] = WindowLoop(self._one_window, outputs, self._mode)
        return self._loops[x_WTB.shape]

    def _one_window(self, arrays: Sequence[tf.Tensor], state: StackState) -> tuple[StackState, Sequence[tf.Tensor]]:
        (x_TB,) = arrays
        if self._zeroed:
            state = self._model.zero_state(x_TB.shape[1])
        logits_TBC, state = self._model(self._weights(), features(x_TB), state)
        return state, [logits_TBC]


def _along_rows(windows: NDArray[Any]) -> NDArray[Any]:
    """`[W, T, B, …]` to `[B, W·T, …]`."""
    W, T, B, *rest = windows.shape
    return np.moveaxis(windows, 2, 0).reshape(B, W * T, *rest)
