"""A cell of one's own: any object that follows Keras's cell protocol, named by its import path.

`model.path: package.module:Class` names a class (or function) that is called as `Class(units, **options)` and gives an
object with

    state_size                     a whole number, or a list of them
    output_size                    a whole number
    call(inputs, states)           to (output, states after), for one time step

as Keras's own `LSTMCell` does. Where it is a `keras.layers.Layer` its trainable weights are trained; any other object
has no weights. Nothing is known about its arithmetic, so the input product is not cut off (`project` hands the input
on) and only strategies that run whole steps can use it: static, dynamic, partial, checkpointed and the article's two.
Source: `keras.layers.RNN`.
"""

import importlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from echo_rnn.cells.cell import State
from echo_rnn.errors import UserError

Tensors = tuple[tf.Tensor, ...]


@dataclass(frozen=True, eq=False)
class Custom:
    """A layer around a Keras cell; its weights are the cell's trainable weights in Keras's order.

    Attributes:
        path: Where the cell was imported from, for messages.
        make: Makes the cell.
        setting: What a person would change to have another cell, for messages.
        cell: A cell that is called with weights from outside.
    """

    path: str
    make: Callable[[], Any]
    setting: str = "model.path"
    cell: Any = field(init=False)

    def __post_init__(self) -> None:
        cell = self.make()
        missing = [name for name in ("state_size", "output_size", "call") if not hasattr(cell, name)]
        if missing:
            raise UserError(
                f"{self.setting}: expected a cell with state_size, output_size and call(inputs, states), got "
                f"{self.path} without {', '.join(missing)}"
            )
        object.__setattr__(self, "cell", cell)

    @property
    def units(self) -> int:
        """Size of the output."""
        return int(self.cell.output_size)

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> Tensors:
        """See `Cell`."""
        # Where an initializer is given no seed, Keras draws one from Python's generator when it makes it.
        before = random.getstate()
        random.seed(seeds[0])
        cell = self.make()
        _build(cell, inputs)
        random.setstate(before)
        return tuple(tf.convert_to_tensor(weight.value) for weight in getattr(cell, "trainable_variables", ()))

    def zero_state(self, batch: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        sizes = self.cell.state_size
        sizes = [sizes] if isinstance(sizes, int) else sizes
        return tuple(tf.zeros((batch, size), dtype) for size in sizes)

    def project(self, weights: Tensors, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`; the input as it is."""
        return x

    def recur(self, weights: Tensors, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        if isinstance(self.cell, keras.layers.Layer):
            _build(self.cell, int(z_BG.shape[-1]))
            (h_BS, after), _ = self.cell.stateless_call(
                list(weights), self.cell.non_trainable_variables, z_BG, list(state)
            )
        else:
            h_BS, after = self.cell.call(z_BG, list(state))
        return h_BS, tuple(tf.nest.flatten(after))


def build_custom(path: str, options: Mapping[str, Any], units: int) -> Custom:
    """The cell that `path` names, with `units` and `options`.

    Raises:
        UserError: There is no such cell, it does not take these arguments, or it is not a cell.
    """
    module, _, name = path.partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"model.path: expected the import path of a cell, got {path!r}: {error}") from error
    try:
        return Custom(path, lambda: kind(units, **options))
    except (TypeError, ValueError) as error:
        raise UserError(f"model.options: expected arguments that {path} takes, got {options!r}: {error}") from error


def _build(cell: Any, features: int) -> None:
    if isinstance(cell, keras.layers.Layer) and not cell.built:
        with tf.init_scope():
            cell.build((None, features))
            cell.built = True
