"""The layer itself: the interface of Keras's recurrent layers around a strategy."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import tensorflow as tf

from echo_rnn.core.cells import StackState
from echo_rnn.core.cells.custom import Custom
from echo_rnn.core.errors import UserError
from echo_rnn.core.strategies import get_strategy
from echo_rnn.core.unroll import window
from echo_rnn.keras_layer.cells import keras_cells, listed, own_stack, refuse, state_sizes, weights_of

_SETTINGS = ("unroll", "return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")


@keras.saving.register_keras_serializable(package="echo_rnn")
class Unrolled(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """One or several recurrent layers, unrolled by a strategy.

    Its input is `[B, T, I]`; `return_sequences`, `return_state`, `stateful`, `go_backwards`, `zero_output_for_mask`,
    `initial_state` and `mask` mean what they mean for `keras.layers.RNN`. The state of several layers has the structure
    of `keras.layers.RNN([cell, …])`, one entry for each layer. A mask may hide any time steps; they are skipped.
    """

    def __init__(  # noqa: PLR0913  as many as Keras's layers have
        self,
        layers: Any,
        cell: str = "lstm",
        *,
        unroll: str = "dynamic",
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **options: Any,
    ) -> None:
        """Nothing is built yet.

        Args:
            layers: Units of one layer, a list with those of each, or Keras cells, one or a list.
            cell: `lstm`, `gru` or `rnn`, where `layers` is units.
            unroll: The strategy: a label of `echo_rnn.core.strategies`, such as `deferred` or `partial5`.
            return_sequences: Whether to return the outputs of all time steps, or the last.
            return_state: Whether to return the state after the last step, too.
            go_backwards: Whether to run from the last step to the first; outputs are in the order of running.
            stateful: Whether the state is carried from batch to batch, until `reset_state`.
            zero_output_for_mask: Whether outputs at hidden steps are 0; else they repeat the output before.
            name: Of the Keras layer.
            dtype: Of the Keras layer, a policy; that of the first cell where `layers` is cells.
            trainable: Of the Keras layer.
            options: Of the Keras cells, where `layers` is units: `use_bias`, `reset_after`, `dropout`, ….

        Raises:
            UserError: There is no such cell or strategy, or they cannot be combined; the sentence says what can.
        """
        cells = keras_cells(layers, cell, dtype, options)
        policy = dtype if dtype is not None else getattr(cells[0], "dtype_policy", None)
        # Without `autocast` Keras rounds weights to the dtype of computation, but not inputs and states.
        super().__init__(name=name, dtype=policy, trainable=trainable, autocast=False)
        self.cells = cells
        self.unroll = unroll
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self._unrolling = get_strategy(unroll)
        self.supports_jit = self._unrolling.strategy.xla
        self.states: list[Any] | None = None
        self.seed_generator = keras.random.SeedGenerator()
        self._strategy = self._unrolling.load()
        self._stack, self._working_dtype = own_stack(cells, self.compute_dtype)
        refuse(self._unrolling, cells, self._stack, self.compute_dtype)

    def build(self, sequences_shape: Sequence[int | None], initial_state_shape: Any = None) -> None:
        """Makes the weights, and the state that is carried where it is `stateful`."""
        features = sequences_shape[-1]
        for cell in self.cells:
            if isinstance(cell, keras.layers.Layer) and not cell.built:
                cell.build((sequences_shape[0], features))
                cell.built = True
            features = cell.output_size
        if self.stateful and self.states is None:
            if sequences_shape[0] is None:
                raise UserError(
                    f"{self.name}: expected a known batch size with stateful=True, got inputs of shape "
                    f"{tuple(sequences_shape)}; set it in keras.Input(batch_shape=(B, T, I))",
                    "layer.unknown_batch_size",
                )
            zeros = tf.nest.flatten(self._zero_state(sequences_shape[0], tf.as_dtype(self.variable_dtype)))
            options = {"trainable": False, "dtype": self.variable_dtype, "autocast": False, "name": "rnn_state"}
            with keras.name_scope(self.name):
                states = [keras.Variable(part, **options) for part in zeros]
            # As in Keras's layers the state is no weight: it is neither saved nor copied.
            object.__setattr__(self, "states", states)
        self.built = True

    def call(
        self,
        sequences: tf.Tensor,
        initial_state: Any = None,
        mask: tf.Tensor | None = None,
        training: bool | None = False,
        sequences_mask: tf.Tensor | None = None,
    ) -> Any:
        """Runs all layers over all time steps; see the class.

        Args:
            sequences: `[B, T, I]`.
            initial_state: The state before the first step; else zeros, or the carried one.
            mask: Which steps are visible, bool `[B, T]`.
            training: Whether inputs are dropped.
            sequences_mask: Keras's name of `mask` in a call with an `initial_state` besides the `sequences`.
        """
        mask = sequences_mask if mask is None else mask
        x_BTI, state = self._agreeing(tf.cast(sequences, self._working_dtype), initial_state)
        if x_BTI.shape[1] is None and self._unrolling.needs_steps:
            raise UserError(
                f"{self.name}: expected a known number of time steps for unroll={self.unroll!r}, got inputs of shape "
                f"{tuple(sequences.shape)}; set it in keras.Input(shape=(T, I)), or use unroll='dynamic'",
                "layer.unknown_steps",
            )
        mask_BT = None if mask is None else tf.cast(mask, tf.bool)
        if self.go_backwards:
            x_BTI = tf.reverse(x_BTI, [1])
            mask_BT = None if mask_BT is None else tf.reverse(mask_BT, [1])
        lengths_B = None
        if mask_BT is not None:
            x_BTI, lengths_B = _pack(x_BTI, mask_BT)

        x_TBI = tf.transpose(x_BTI, (1, 0, 2))
        x_TBI, masks = self._dropped(x_TBI) if training else (x_TBI, ())
        pairs = zip(self.cells, self._stack, strict=True)
        weights = tuple(weights_of(cell, own, self._working_dtype) for cell, own in pairs)
        h_TBS, after = self._strategy(self._stack, weights, window(x_TBI, lengths_B, masks), state)
        h_BTS = tf.transpose(h_TBS, (1, 0, 2))
        if mask_BT is not None:
            h_BTS = _unpack(h_BTS, mask_BT)
        for variable, part in zip(self.states or (), tf.nest.flatten(after), strict=True) if self.stateful else ():
            variable.assign(tf.cast(part, variable.dtype))
        return self._returned(h_BTS, mask_BT, after)

    def _agreeing(self, x_BTI: tf.Tensor, initial_state: Any) -> tuple[tf.Tensor, StackState]:
        """Input and state with the same batch size, static if that of either is."""
        if initial_state is None and not self.stateful:
            batch_size = tf.shape(x_BTI)[0] if x_BTI.shape[0] is None else x_BTI.shape[0]
            return x_BTI, self._zero_state(batch_size, x_BTI.dtype)
        given = self.states if initial_state is None else initial_state
        parts = [tf.cast(part, x_BTI.dtype) for part in keras.tree.flatten(given)]
        expected = [size for cell in self._stack for size in state_sizes(cell)]
        got = [part.shape[-1] for part in parts]
        if got != expected:
            raise UserError(
                f"{self.name}: expected an initial_state of sizes {expected}, got {got}", "layer.initial_state"
            )
        batch_sizes = (x_BTI.shape[0], *(part.shape[0] for part in parts))
        batch_size = next((size for size in batch_sizes if size is not None), None)
        parts = [tf.ensure_shape(part, (batch_size, None)) for part in parts]
        state = tf.nest.pack_sequence_as(self._zero_state(1, x_BTI.dtype), parts)
        return tf.ensure_shape(x_BTI, (batch_size, None, None)), state

    def _zero_state(self, batch_size: int | tf.Tensor, dtype: tf.DType) -> StackState:
        return tuple(cell.zero_state(batch_size, dtype) for cell in self._stack)

    def _dropped(self, x_TBI: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Dropout as in Keras's cells: on the input of each layer, one mask for all time steps."""
        rates = [getattr(cell, "dropout", 0.0) for cell in self.cells]
        if not any(rates):
            return x_TBI, ()

        def mask(rate: float, features: int) -> tf.Tensor:
            ones = tf.ones((1, tf.shape(x_TBI)[1], features), x_TBI.dtype)
            return keras.random.dropout(ones, rate, seed=self.seed_generator)

        sizes = [x_TBI.shape[-1], *(cell.units for cell in self._stack[:-1])]
        first, *between = (mask(rate, features) for rate, features in zip(rates, sizes, strict=True))
        return x_TBI * first, tuple(between)

    def _returned(self, h_BTS: tf.Tensor, mask_BT: tf.Tensor | None, after: StackState) -> Any:
        output = h_BTS
        if not self.return_sequences:
            output = h_BTS[:, -1]
        elif self.zero_output_for_mask and mask_BT is not None:
            output = tf.where(mask_BT[:, :, None], h_BTS, 0)
        output = tf.cast(output, self.compute_dtype)
        if not self.return_state:
            return output
        return output, *_as_keras([[tf.cast(part, self.compute_dtype) for part in layer] for layer in after])

    def reset_state(self) -> None:
        """Sets the carried state to zero."""
        for variable in self.states or ():
            variable.assign(tf.zeros_like(variable.value))

    def copy_from(self, layers: Any) -> Self:
        """Copies the weights of Keras layers, one or a list from the input upwards; builds this layer if needed.

        The other way, `get_weights` has the weights in the order of Keras's layers.

        Args:
            layers: Built layers: `LSTM`, `GRU`, `SimpleRNN`, `RNN` of any cells, or `Unrolled`.
        """
        arrays = [array for layer in listed(layers) for array in layer.get_weights()]
        if not arrays:
            raise UserError(
                f"{self.name}: expected built layers to copy from, got layers without weights", "layer.not_built"
            )
        if not self.built and isinstance(self._stack[0], Custom):
            kind = type(self.cells[0]).__name__
            raise UserError(f"{self.name}: expected a built layer, got one with {kind} that is not", "layer.not_built")
        if not self.built:
            self.build((None, None, arrays[0].shape[0]))
        ours, theirs = [tuple(weight.shape) for weight in self.weights], [array.shape for array in arrays]
        if ours != theirs:
            expected = f"weights of shapes {ours}, in the order of the layers"
            raise UserError(f"{self.name}: expected {expected}, got {theirs}", "layer.weights")
        self.set_weights(arrays)
        return self

    def compute_output_shape(self, sequences_shape: Sequence[int | None], initial_state_shape: Any = None) -> Any:
        """See `keras.layers.Layer`."""
        batch_size, steps, _ = sequences_shape
        units = self._stack[-1].units
        output = (batch_size, steps, units) if self.return_sequences else (batch_size, units)
        if not self.return_state:
            return output
        return output, *_as_keras([[(batch_size, size) for size in state_sizes(cell)] for cell in self._stack])

    def compute_mask(self, sequences: Any, previous_mask: Any = None) -> Any:
        """See `keras.layers.Layer`."""
        mask = keras.tree.flatten(previous_mask)[0] if self.return_sequences else None
        parts = sum(len(state_sizes(cell)) for cell in self._stack)
        return [mask, *[None] * parts] if self.return_state else mask

    def get_config(self) -> dict[str, Any]:
        """See `keras.layers.Layer`."""
        return {
            **super().get_config(),
            "layers": [keras.saving.serialize_keras_object(cell) for cell in self.cells],
            **{name: getattr(self, name) for name in _SETTINGS},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """See `keras.layers.Layer`."""
        cells = [keras.saving.deserialize_keras_object(cell) for cell in config["layers"]]
        return cls(**{**config, "layers": cells})


def _as_keras(states: list[list[Any]]) -> list[Any]:
    """The states as `keras.layers.RNN` arranges them: those of a single layer flat, a single part without its list."""
    parts = [layer if len(layer) > 1 else layer[0] for layer in states]
    return states[0] if len(states) == 1 else parts


# Any mask as row lengths: visible steps are packed at the front of each row, and their outputs unpacked again.


def _pack(x_BTI: tf.Tensor, mask_BT: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The visible steps at the front of each row, and their number."""
    steps = tf.shape(mask_BT)[1]
    t_T = tf.range(steps)
    order_BT = tf.argsort(tf.where(mask_BT, t_T, t_T + steps), axis=1)
    return tf.gather(x_BTI, order_BT, batch_dims=1), tf.reduce_sum(tf.cast(mask_BT, tf.int32), axis=1)


def _unpack(h_BTS: tf.Tensor, mask_BT: tf.Tensor) -> tf.Tensor:
    """Outputs at the mask's time steps; a hidden step repeats the output before it, or is 0 where there is none."""
    seen_BT = tf.cumsum(tf.cast(mask_BT, tf.int32), axis=1)
    h_BTS = tf.gather(h_BTS, tf.maximum(seen_BT - 1, 0), batch_dims=1)
    return tf.where(seen_BT[:, :, None] > 0, h_BTS, 0)
