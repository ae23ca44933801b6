"""Predictions along a series: the forward pass only, window by window, with the state carried."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from echo_rnn.core.cells import StackState
from echo_rnn.core.compilation import Compile
from echo_rnn.core.model import Model, Weights
from echo_rnn.core.windows.buffers import buffers, capacity
from echo_rnn.core.windows.loop import WindowLoop


@dataclass(frozen=True)
class Chunk:
    """A stretch of a series with the network's predictions.

    Attributes:
        x_BNI: Inputs as they are stored.
        y: Targets as they are stored, `[B, N]` or `[B, N, K]`; 0 where `counted_BN` is 0 for want of a target.
        outputs_BNC: The network's outputs, logits or scaled real targets.
        counted_BN: Whether a step counts; `None` where all do.
    """

    x_BNI: NDArray[Any]
    y: NDArray[Any]
    outputs_BNC: NDArray[np.float32]
    counted_BN: NDArray[np.bool_] | None = None


class Predictor:
    """Runs a network along series; series of one shape share a compiled program."""

    def __init__(
        self,
        model: Model,
        weights: Callable[[], Weights],
        features: Callable[[tf.Tensor], tf.Tensor],
        window: int,
        mode: Compile,
        *,
        zeroed: bool = False,
        warmup: int | None = None,
    ) -> None:
        """Nothing is traced yet.

        Args:
            model: The network.
            weights: Returns its weights; called inside the graph, so that variables are read when it runs.
            features: From stored inputs to those of the network.
            window: Time steps of a window.
            mode: See `WindowLoop`; predictions are not sharded.
            zeroed: Whether the state is zeroed before every window instead of carried.
            warmup: Steps at the start of each row that do not count; `None` where every step counts.
        """
        self._model = model
        self._weights = weights
        self._features = features
        self._warmup = warmup
        self._window = window
        self._mode = mode
        self._zeroed = zeroed
        self._loops: dict[tuple[int, ...], WindowLoop] = {}

    def __call__(self, x_BNI: NDArray[Any], y: NDArray[Any], *, leftover: bool) -> Iterator[Chunk]:
        """Yields the series in chunks of bounded size, from a zero state on.

        Args:
            x_BNI: Inputs as they are stored.
            y: Targets as they are stored, `[B, N]` or `[B, N, K]`, returned beside the outputs.
            leftover: Whether the steps that fill no window are run too, as one shorter window.
        """
        batch_size, steps, _ = x_BNI.shape
        state = self._model.zero_state(batch_size)
        whole = steps - steps % self._window
        for start, stop, window in ((0, whole, self._window), (whole, steps, steps - whole)):
            if start < stop and (leftover or window == self._window):
                for chunk, after in self._run(x_BNI[:, start:stop], y[:, start:stop], start, window, state):
                    state = after
                    yield chunk

    def _run(
        self, x_BNI: NDArray[Any], y: NDArray[Any], start: int, window: int, state: StackState
    ) -> Iterator[tuple[Chunk, StackState]]:
        batch_size, steps, _ = x_BNI.shape
        size = capacity(steps, batch_size, window)
        for buffer in buffers((x_BNI, y), window, size, warmup=self._warmup, steps_before=start):
            x_WTBI, *others = buffer.arrays
            loop = self._loop(x_WTBI)
            state, (outputs_WTBC,) = loop([x_WTBI], 0, buffer.count, state)
            x_BNI, y_BN, outputs_BNC, *counted = (
                _along_rows(array[: buffer.count]) for array in (x_WTBI, others[0], outputs_WTBC, *others[1:])
            )
            yield Chunk(x_BNI, y_BN, outputs_BNC, *(each.astype(bool) for each in counted)), state

    def _loop(self, x_WTBI: NDArray[Any]) -> WindowLoop:
        if x_WTBI.shape not in self._loops:
            _, steps, batch_size, _ = x_WTBI.shape
            outputs = [tf.TensorSpec((steps, batch_size, self._model.outputs), tf.float32)]
            self._loops[x_WTBI.shape] = WindowLoop(self._one_window, outputs, self._mode)
        return self._loops[x_WTBI.shape]

    def _one_window(self, arrays: Sequence[tf.Tensor], state: StackState) -> tuple[StackState, Sequence[tf.Tensor]]:
        (x_TBI,) = arrays
        if self._zeroed:
            state = self._model.zero_state(x_TBI.shape[1])
        outputs_TBC, state = self._model(self._weights(), self._features(x_TBI), state)
        return state, [outputs_TBC]


def _along_rows(windows: NDArray[Any]) -> NDArray[Any]:
    """`[W, T, B, …]` to `[B, W·T, …]`."""
    W, T, B, *rest = windows.shape
    return np.moveaxis(windows, 2, 0).reshape(B, W * T, *rest)
