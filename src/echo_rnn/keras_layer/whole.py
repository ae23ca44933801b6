"""A Keras cell that is run as it is, at each step, as `keras.layers.RNN` runs it.

Its trainable weights are passed through the strategy. What a step does besides computing its output is passed on: an
update of another variable (a counter, the state of a random generator) is made at once, a loss of `add_loss` is
collected for the layer. Neither can be done by a strategy that runs a step again on the backward pass, and a loss that
is made in a loop of the graph cannot leave it; both are refused.
"""

import inspect
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import tensorflow as tf

from echo_rnn.core.cells.cell import State
from echo_rnn.keras_layer.errors import ArgumentError

Weights = tuple[tf.Tensor, ...]


@dataclass(frozen=True, eq=False)
class Whole:
    """A cell of a strategy around a Keras cell.

    Attributes:
        cell: The Keras cell.
        training: Whether it is trained, where its `call` asks.
        repeated: Whether the strategy runs a step again on the backward pass.
        losses: What the steps have added.
    """

    cell: Any
    training: bool = False
    repeated: bool = False
    losses: list[tf.Tensor] = field(default_factory=list)

    @property
    def units(self) -> int:
        """Size of the output, which is that of the first state where the cell does not say."""
        size = getattr(self.cell, "output_size", None)
        return int(keras.tree.flatten(self.cell.state_size)[0] if size is None else size)

    def used(self, training: bool, repeated: bool) -> "Whole":
        """The same for one run of a strategy."""
        return replace(self, training=training, repeated=repeated, losses=[])

    def project(self, weights: Weights, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`; returns the input."""
        return x

    def recur(self, weights: Weights, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        before = keras.tree.pack_sequence_as(_listed(self.cell.state_size), list(state))
        h_BS, after = self._step(weights, z_BG, before)
        parts = zip(keras.tree.flatten(after), state, strict=True)
        return tf.cast(h_BS, z_BG.dtype), tuple(tf.cast(part, old.dtype) for part, old in parts)

    def _step(self, weights: Weights, x_BI: tf.Tensor, state: Any) -> Any:
        cell = self.cell
        if not isinstance(cell, keras.layers.Layer):
            return (cell if callable(cell) else cell.call)(x_BI, state)
        given = [*zip(cell.trainable_variables, weights, strict=True)]
        given += [(variable, variable.value) for variable in cell.non_trainable_variables]
        asked = "training" in inspect.signature(cell.call).parameters
        with keras.StatelessScope(state_mapping=given, collect_losses=True) as scope:
            before = [scope.get_current_value(variable) for variable in cell.non_trainable_variables]
            result = cell(x_BI, state, **({"training": self.training} if asked else {}))
        for variable, old in zip(cell.non_trainable_variables, before, strict=True):
            new = scope.get_current_value(variable)
            if new is not old:
                self._refuse_where_repeated(f"updates {variable.name}")
                variable.assign(new)
        if scope.losses:
            self._refuse_where_repeated("adds a loss")
        self.losses.extend(scope.losses)
        return result

    def _refuse_where_repeated(self, what: str) -> None:
        if self.repeated:
            raise ArgumentError(
                f"unroll: expected for {type(self.cell).__name__}, which {what} at each step, a strategy that runs "
                "each step once, such as dynamic, got checkpointed",
                "layer.repeated_step",
            )

    def collected_losses(self) -> list[tf.Tensor]:
        """The losses of all steps.

        Raises:
            ArgumentError: They were made in a loop of the graph.
        """
        if not tf.executing_eagerly():
            graph = tf.compat.v1.get_default_graph()
            if any(loss.graph is not graph for loss in self.losses):
                raise ArgumentError(
                    f"unroll: expected static for {type(self.cell).__name__}, which adds a loss at each step, got a "
                    "loop in the graph, which a loss cannot leave",
                    "layer.loss_in_a_loop",
                )
        return self.losses

    def build(self, batch_size: int | None, features: int, dtype: str) -> None:
        """Runs a step without values, in which layers within the cell are built."""
        if not isinstance(self.cell, keras.layers.Layer):
            return
        state = keras.tree.map_structure(
            lambda size: keras.KerasTensor((batch_size, int(size)), dtype), _listed(self.cell.state_size)
        )
        self.cell(keras.KerasTensor((batch_size, features), dtype), state)
        self.forget_masks()

    def draw_masks(self, x_BI: tf.Tensor, state: State) -> None:
        """Draws the masks that a cell of Keras's kind uses at all steps."""
        if hasattr(self.cell, "get_dropout_mask"):
            self.cell.get_dropout_mask(x_BI)
            self.cell.get_recurrent_dropout_mask(state[0])

    def forget_masks(self) -> None:
        """Forgets them, so that the next batch has others."""
        if hasattr(self.cell, "get_dropout_mask"):
            self.cell.reset_dropout_mask()
            self.cell.reset_recurrent_dropout_mask()


def _listed(sizes: Any) -> list[Any]:
    """The sizes of a state as a list, as `keras.layers.RNN` passes the state of a cell."""
    return list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]
