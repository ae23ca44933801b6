"""Many windows in one compiled call.

On the seed's shape a training step is microseconds of arithmetic, and one call from Python to TensorFlow costs more
than that. So the loop over windows is part of the graph: the arguments of a call are a buffer of windows, the first
one to run and their number, and it returns each window's outputs. `count` is an input of the graph, not a part of it:
one compilation serves every number of windows, and a call with `count` 0 only compiles. Shards are compiled programs
of their own within the graph (`echo_rnn.core.shards`), each compiled at its first call.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from echo_rnn.core.compilation import Compile
from echo_rnn.core.loading import quiet_loading
from echo_rnn.core.names import number_from_here

Array = np.ndarray[Any, Any]
State = Any
"""Tensors in any nesting: what a body carries from window to window."""
Body = Callable[[Sequence[tf.Tensor], State], tuple[State, Sequence[tf.Tensor]]]
"""From a window's arrays, each `[T, B, …]`, and the state before it to the state after it and the window's outputs."""


@dataclass(frozen=True)
class Preparation:
    """The cost of a program before its first window can run.

    Attributes:
        trace_seconds: Python to graph; 0 when eager.
        compile_seconds: Graph to machine code (or to an executable plan without XLA), with the windows that this ran;
            0 when eager.
        windows: The number of those: 1 in shards, else 0.
    """

    trace_seconds: float
    compile_seconds: float
    windows: int = 0


class WindowLoop:
    """Runs `body` over the windows of a buffer, one after another, and carries the state."""

    def __init__(self, body: Body, outputs: Sequence[tf.TensorSpec], mode: Compile, shards: int = 1) -> None:
        """Nothing is traced before `prepare` or the first call.

        Args:
            body: See `Body`.
            outputs: Shape and dtype of each output of `body`.
            mode: `none` runs eagerly, `graph` as a TensorFlow graph, `xla` compiled.
            shards: The largest number of shards in which `body` runs a batch; with more than 1 the loop is a graph, and
                its shards are compiled.
        """
        self._body = body
        self._outputs = outputs
        self._sharded = shards > 1
        self._mode = "graph" if self._sharded else mode
        self._run: Callable[..., Any] | None = self._loop if mode == "none" else None

    @property
    def graph(self) -> tf.Graph | None:
        """The graph of the loop; `None` when eager, and before it is traced."""
        return getattr(self._run, "graph", None)

    def prepare(self, buffers: Sequence[Array], state: State) -> Preparation:
        """Traces and compiles for buffers of the shape of `buffers`, each `[W, T, B, …]`.

        In shards this runs the first window, and the caller restores what that changed; otherwise it runs none.
        """
        if self._mode == "none":
            return Preparation(0.0, 0.0)
        windows = int(self._sharded)
        tensors, first, count = _tensors(buffers), tf.constant(0), tf.constant(windows)
        number_from_here()
        start = time.perf_counter()
        run = self._trace(tensors, state)
        traced = time.perf_counter()
        with quiet_loading():
            # Fetching a value waits for the end of the call.
            np.asarray(run(tensors, first, count, state)[1][0])
        return Preparation(traced - start, time.perf_counter() - traced, windows)

    def __call__(self, buffers: Sequence[Array], first: int, count: int, state: State) -> tuple[State, list[Array]]:
        """Runs `count` windows of `buffers` from `first` on.

        Returns:
            The state after the last of them, and each output `[count, …]`.
        """
        tensors = _tensors(buffers)
        compiles = self._run is None
        if compiles:
            number_from_here()
        run = self._run or self._trace(tensors, state)
        with quiet_loading() if compiles else nullcontext():
            state, outputs = run(tensors, tf.constant(first), tf.constant(count), state)
        # Copies: a view of few windows would keep the whole buffer's outputs in memory.
        return state, [np.array(np.asarray(output)[:count]) for output in outputs]

    def _trace(self, tensors: Sequence[tf.Tensor], state: State) -> Callable[..., Any]:
        """Traces the graph of the loop."""
        function = tf.function(self._loop, jit_compile=self._mode == "xla", autograph=False)
        self._run = function.get_concrete_function(tensors, tf.constant(0), tf.constant(0), state)
        return self._run

    def _loop(
        self, buffers: Sequence[tf.Tensor], first: tf.Tensor, count: tf.Tensor, state: State
    ) -> tuple[State, list[tf.Tensor]]:
        size = buffers[0].shape[0]
        stores = [tf.TensorArray(spec.dtype, size, element_shape=spec.shape) for spec in self._outputs]

        def one_window(
            w: tf.Tensor, state: State, stores: list[tf.TensorArray]
        ) -> tuple[tf.Tensor, State, list[tf.TensorArray]]:
            # An index in brackets is a constant to XLA, which would compile again for every `first`.
            state, outputs = self._body([tf.gather(buffer, first + w) for buffer in buffers], state)
            return w + 1, state, [store.write(w, output) for store, output in zip(stores, outputs, strict=True)]

        _, state, stores = tf.while_loop(lambda w, *_: w < count, one_window, (tf.constant(0), state, stores))
        return state, [store.stack() for store in stores]


def _tensors(buffers: Sequence[Array]) -> list[tf.Tensor]:
    return [tf.convert_to_tensor(buffer) for buffer in buffers]
