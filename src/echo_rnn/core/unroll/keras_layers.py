"""Keras's own layers, one after the other, called with our weights.

    for l in 0 … L-1:  h_BTS, state = keras.layers.LSTM(units, unroll=…)(x_BTI, initial_state=state)

`unroll: false` is a loop over the time steps of one layer, `unroll: true` writes all of them into the graph. The input
product stays in the loop. Stored for the backward pass, for each (layer, step, batch row): about 8·S values for an
LSTM. Graph size, tracing time and compile time grow with L and, unrolled, with L·T. Keras's batch axis is before its
time axis, so input and output are transposed once. With `lengths_B` all rows are computed to the end of the window. Its
cuDNN path, a kernel of its own on GPUs, is off: it supports neither XLA nor float64. In bfloat16 the state is carried
in bfloat16 too, as Keras's mixed precision does. Under XLA the time of the loop grows with the square of T, since the
gradient of its writes is TensorFlow's (see `write`). Source: Keras 3, `keras.layers.LSTM`, `GRU` and `SimpleRNN`,
`keras/src/backend/tensorflow/rnn.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf

from echo_rnn.core.cells import Gru, Lstm, Rnn
from echo_rnn.core.cells.cell import CellWeights, StackState
from echo_rnn.core.unroll.window import Window


@dataclass(frozen=True)
class KerasLayers:
    """The strategy for one value of Keras's `unroll`.

    Attributes:
        unroll: Whether Keras writes out the time steps.
    """

    unroll: bool

    def __call__(
        self, cells: Sequence[Lstm | Gru | Rnn], weights: Sequence[CellWeights], window: Window, state: StackState
    ) -> tuple[tf.Tensor, StackState]:
        """See `Unroll`."""
        h_BTS = tf.transpose(window.x_TBI, (1, 0, 2))
        mask_BT = None if window.lengths_B is None else tf.transpose(window.active_TB1[:, :, 0])
        after = []
        for index, (cell, cell_weights, before) in enumerate(zip(cells, weights, state, strict=True)):
            layer = _layer(cell, int(h_BTS.shape[-1]), window.x_TBI.dtype.name, self.unroll)
            outputs, _ = layer.stateless_call(
                list(cell_weights),
                layer.non_trainable_variables,
                h_BTS,
                initial_state=list(before),
                mask=mask_BT,
            )
            # In mixed precision Keras's outputs and states are narrow.
            h_BTS, *cell_state = (tf.cast(tensor, window.x_TBI.dtype) for tensor in outputs)
            after.append(tuple(cell_state))
            if index < len(window.masks):
                h_BTS = h_BTS * tf.stop_gradient(tf.transpose(window.masks[index], (1, 0, 2)))
        return window.outputs(tf.transpose(h_BTS, (1, 0, 2))), tuple(after)


def keras_layer(cell: Lstm | Gru | Rnn, **options: Any) -> keras.layers.RNN:
    """Keras's layer that computes what `cell` computes; its weights are ours in the same order and layout."""
    options["activation"] = cell.activation.name
    if not isinstance(cell, Rnn):
        options["recurrent_activation"] = cell.recurrent_activation.name
    match cell:
        case Lstm():
            return keras.layers.LSTM(cell.units, **options)
        case Gru():
            return keras.layers.GRU(cell.units, reset_after=cell.reset_after, **options)
        case Rnn():
            return keras.layers.SimpleRNN(cell.units, **options)


@lru_cache(maxsize=256)
def _layer(cell: Lstm | Gru | Rnn, features: int, dtype: str, unroll: bool) -> keras.layers.RNN:
    """A built layer; its own weights are never used."""
    policy = dtype if cell.precision is None else f"mixed_{cell.precision.name}"
    options: dict[str, Any] = {"return_sequences": True, "return_state": True, "unroll": unroll, "dtype": policy}
    if not isinstance(cell, Rnn):
        options["use_cudnn"] = False
    with tf.init_scope():
        layer = keras_layer(cell, **options)
        layer.build((None, None, features))
    return layer
