"""What is timed: one strategy's training step and forward pass, each as the loop over windows that training uses.

The data are arguments of the graph and never part of it, the state is carried from window to window and from call to
call, and the number of windows is an argument too, so that one compilation serves calls of any length.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from echo_rnn.benchmark.measure.records import KINDS, Array, Prepared
from echo_rnn.benchmark.measure.shape import CLASSES, Shape
from echo_rnn.core.cell_table import Stack, get_cell
from echo_rnn.core.cells import build_cells
from echo_rnn.core.losses import LOSSES
from echo_rnn.core.model import Model, Weights
from echo_rnn.core.shards import Batch, Carried, sharded
from echo_rnn.core.unroll import Unroll
from echo_rnn.core.windows.loop import WindowLoop
from echo_rnn.training.learner import Learner, Snapshot

_SCALAR = tf.TensorSpec((), tf.float32)
_MOST_WINDOWS = 256
_MOST_VALUES = 2**22  # 16 MiB

Data = tuple[tf.Tensor, tf.Tensor]
"""Windows: inputs `x_WTBI` and targets, classes `y_WTB` or real ones `y_WTBK`."""


def draw_data(shape: Shape, seed: int, most_windows: int = _MOST_WINDOWS) -> Data:
    """Noise for a shape, in a buffer of bounded size: many windows only where they are small.

    Returns:
        Inputs, standard normal, and targets: classes with equal chances, or real ones, standard normal.
    """
    windows = max(2, min(most_windows, _MOST_VALUES // (shape.window * shape.batch_size * shape.inputs)))
    generator = np.random.default_rng(seed)
    size = (windows, shape.window, shape.batch_size)
    x_WTBI = generator.standard_normal((*size, shape.inputs), dtype=np.float32)
    y: Array = (
        generator.integers(0, CLASSES, size, dtype=np.int32)
        if shape.loss == "cross_entropy"
        else generator.standard_normal((*size, shape.outputs), dtype=np.float32)
    )
    return tf.convert_to_tensor(x_WTBI), tf.convert_to_tensor(y)


def optimizer() -> keras.optimizers.Optimizer:
    """The seed's: Adagrad as in conf/optimizer/adagrad.yaml."""
    return keras.optimizers.Adagrad(0.3, initial_accumulator_value=0.1, epsilon=1e-7)


def spend_first_costs(shape: Shape, unroll: Unroll, seed: int, kinds: Sequence[str] = KINDS) -> None:
    """Runs a tiny network once, so that what the first run of anything costs is charged to nobody."""
    tiny = replace(shape, layers=1, units=1, batch_size=1, window=2, inputs=1)
    program = Program(tiny, unroll, draw_data(tiny, seed, most_windows=2), seed)
    for kind in kinds:
        program.run(kind, 1)


class Program:
    """One strategy at one shape, ready to be run any number of steps."""

    def __init__(self, shape: Shape, unroll: Unroll, data: Data, seed: int) -> None:
        """Makes weights and variables; nothing is traced yet.

        Args:
            shape: The shape.
            unroll: The strategy.
            data: From `draw_data`; programs may share it.
            seed: Decides the initial weights, which are the same for all strategies.
        """
        self._data, self._windows = data, len(data[0])
        kind = get_cell(shape.cell)
        stack = Stack(kind, (shape.units,) * shape.layers, shape.precision, kind.defaults)
        self.model = Model(build_cells(stack), unroll, shape.inputs, shape.outputs)
        weights = self.model.initial_weights(np.random.SeedSequence(seed))
        mode, shards = shape.compile, shape.shards
        self._loss = LOSSES[shape.loss]()
        self.learner = Learner(self.model, weights, optimizer(), loss=self._loss, shards=shards)
        self._predict = sharded(self._loss_of, shards)
        self._loops = {
            "train": WindowLoop(self._train_window, [_SCALAR], mode, shards),
            "forward": WindowLoop(self._forward_window, [_SCALAR], mode, shards),
        }
        self.state = self.zero_state = self.learner.zero_state(shape.batch_size)
        self._next = 0

    def prepare(self, kinds: Sequence[str] = KINDS) -> Prepared:
        """Traces and compiles the loops that are timed, runs one training step and takes it back.

        Returns:
            What the training loop cost.
        """
        loop = self._loops["train"]
        with self.learner.undone():
            start = time.perf_counter()
            preparation = loop.prepare(self._data, self.zero_state)
            loop(self._data, 0, 1 - preparation.windows, self.zero_state)
            first_call_seconds = time.perf_counter() - start
        for kind in kinds[1:]:  # the first is the training
            self._loops[kind].prepare(self._data, self.zero_state)
        graph = (loop.graph or tf.Graph()).as_graph_def()
        return Prepared(
            first_call_seconds=first_call_seconds,
            trace_seconds=preparation.trace_seconds,
            compile_seconds=preparation.compile_seconds,
            graph_nodes=len(graph.node) + sum(len(function.node_def) for function in graph.library.function),
            graph_bytes=graph.ByteSize() if loop.graph else 0,
        )

    def restart(self, snapshot: Snapshot, state: Carried | None = None) -> None:
        """Sets weights and optimizer to `snapshot`, the state to `state` or zero, and begins with the first window."""
        self.learner.restore(snapshot)
        self.state = self.zero_state if state is None else state
        self._next = 0

    def run(self, kind: str, steps: int) -> Array:
        """Runs steps on the windows to come; returns once all is done, with the loss of each.

        Args:
            kind: `train`, or `forward` without backward pass and update.
            steps: How many.
        """
        losses = []
        while steps:
            count = min(steps, self._windows - self._next)
            self.state, (loss_C,) = self._loops[kind](self._data, self._next, count, self.state)
            losses.append(loss_C)
            self._next = (self._next + count) % self._windows
            steps -= count
        return np.concatenate(losses)

    def _train_window(self, arrays: Sequence[tf.Tensor], state: Carried) -> tuple[Carried, Sequence[tf.Tensor]]:
        x_TBI, y = arrays
        state, loss, _ = self.learner.step(x_TBI, y, state)
        return state, [loss]

    def _forward_window(self, arrays: Sequence[tf.Tensor], state: Carried) -> tuple[Carried, Sequence[tf.Tensor]]:
        x_TBI, y = arrays
        return self._predict(self.learner.weights, Batch(x_TBI, y, state))

    def _loss_of(self, weights: Weights, batch: Batch, share: float = 1.0) -> tuple[Carried, list[tf.Tensor]]:
        """The state after the window, and `share` of a loss that needs every output, so that none can be left out."""
        outputs_TBC, stack = self.model(weights, batch.x_TBI, batch.state.stack, masks=batch.masks)
        loss, after = self._loss(outputs_TBC, batch.y, batch.weight_TB, batch.energies, batch.state.loss)
        return Carried(stack, after), [share * loss]
