"""The layer itself: Keras's recurrent layer, with a strategy of this package for its loop over time."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import tensorflow as tf

from echo_rnn.core.cells import StackState
from echo_rnn.core.errors import UserError
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.core.unroll import window
from echo_rnn.keras_layer.cells import NAMES, keras_cells, listed, own_stack, refuse, split_options, weights_of
from echo_rnn.keras_layer.choices import choose
from echo_rnn.keras_layer.errors import ArgumentError
from echo_rnn.keras_layer.masks import mask_of, pack, unpack
from echo_rnn.keras_layer.saved import load_foreign
from echo_rnn.keras_layer.whole import Whole

_CUDNN = ("auto", True, False)
# What Keras's layers show of their cell.
_OF_CELL = (
    *("units", "activation", "recurrent_activation", "use_bias", "unit_forget_bias", "reset_after"),
    *(f"{part}_initializer" for part in ("kernel", "recurrent", "bias")),
    *(f"{part}_regularizer" for part in ("kernel", "recurrent", "bias")),
    *(f"{part}_constraint" for part in ("kernel", "recurrent", "bias")),
    *("dropout", "recurrent_dropout", "seed"),
)


@keras.saving.register_keras_serializable(package="echo_rnn")
class Unrolled(keras.layers.RNN):  # type: ignore[misc]  # Keras is untyped
    """One or several recurrent layers, unrolled by a strategy.

    Its input is `[B, T, I]`. It is a `keras.layers.RNN`, and its arguments, methods and attributes are those of Keras's
    recurrent layers; docs/unrolled.md lists them. The state of several layers has the structure of
    `keras.layers.RNN([cell, …])`, one entry for each layer. A mask may hide any time steps; they are skipped.
    """

    def __init__(  # noqa: PLR0913  as many as Keras's layers have
        self,
        layers: Any = None,
        cell: Any = "lstm",
        *,
        units: Any = None,
        unroll: str | bool = "dynamic",
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        use_cudnn: str | bool = "auto",
        activity_regularizer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **options: Any,
    ) -> None:
        """Nothing is built yet.

        Args:
            layers: Units of one layer, a list with those of each, or Keras cells, one or a list.
            cell: `lstm`, `gru` or `rnn`, where `layers` is units; or, as for `keras.layers.RNN`, the cells.
            units: The name of `layers` in `keras.layers.LSTM`.
            unroll: The strategy: a label of `echo_rnn.core.strategies`, such as `deferred` or `partial5`; `True` is
                `static` and `False` is `dynamic`; `auto` is what was measured to be faster than Keras's layers for
                the nearest shape, see `choices`.
            return_sequences: Whether to return the outputs of all time steps, or the last.
            return_state: Whether to return the state after the last step, too.
            go_backwards: Whether to run from the last step to the first; outputs are in the order of running.
            stateful: Whether the state is carried from batch to batch, until `reset_state`.
            zero_output_for_mask: Whether outputs at hidden steps are 0; else they repeat the output before. As in Keras
                this counts for the last output, too.
            use_cudnn: `auto` or `False`; `True` is refused in a call, since no strategy uses cuDNN.
            activity_regularizer: Of the outputs, as in Keras.
            name: Of the Keras layer.
            dtype: Of the Keras layer, a policy; that of the first cell where `layers` is cells.
            trainable: Of the Keras layer.
            options: Of the Keras cells, where `layers` is units: `use_bias`, `reset_after`, `dropout`, …; and of
                `keras.layers.Layer`.

        Raises:
            UserError: There is no such cell or strategy, or they cannot be combined; the sentence says what can.
        """
        given = [each for each in (layers, units, None if isinstance(cell, str) else cell) if each is not None]
        if len(given) != 1:
            expected = "units or cells, once"
            raise ArgumentError(f"layers: expected {expected}, got {given or 'nothing'}", "layer.no_cells")
        if use_cudnn not in _CUDNN:
            raise ArgumentError(f"use_cudnn: expected one of {_CUDNN}, got {use_cudnn!r}", "layer.cudnn")
        if "autocast" in options:
            # Without it Keras rounds weights to the dtype of computation, but not inputs and states.
            raise ArgumentError(
                "autocast: expected no such argument, since states are carried in float32 in mixed precision, got "
                f"{options['autocast']!r}; set dtype",
                "layer.autocast",
            )
        of_cell, of_layer = split_options(cell, options)
        cells = keras_cells(given[0], cell, of_cell, {"dtype": dtype, "trainable": trainable})
        policy = dtype if dtype is not None else getattr(cells[0], "dtype_policy", None)
        self._foreign = False
        self.chosen: str | None = None
        """The strategy of the last call that made a graph, or that was made without one; `auto` becomes one of them."""
        super().__init__(
            cells[0] if len(cells) == 1 else keras.layers.StackedRNNCells(cells, dtype=policy),
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
            activity_regularizer=activity_regularizer,
            name=name,
            dtype=policy,
            trainable=trainable,
            autocast=False,
            **of_layer,
        )
        if any(isinstance(each, keras.layers.LSTMCell | keras.layers.GRUCell) for each in cells):
            self.use_cudnn = use_cudnn  # as in Keras, where `SimpleRNN` and `RNN` have no such attribute
        self.input_spec = keras.layers.InputSpec(ndim=3)
        for index, each in enumerate(self.cells):
            # Keras tracks the cells of a stack for itself; TensorFlow's checkpoints need them named.
            if len(self.cells) > 1 and isinstance(each, tf.__internal__.tracking.Trackable):
                self._track_trackable(each, f"cell_{index}")

    @property
    def cells(self) -> list[Any]:
        """The Keras cells, from the input upwards."""
        stacked = type(self.cell) is keras.layers.StackedRNNCells
        return list(self.cell.cells) if stacked else [self.cell]

    @property
    def unroll(self) -> str:
        """The label of the strategy; one that is set later counts from the next time that a graph is made."""
        return self._unroll

    @unroll.setter
    def unroll(self, value: str | bool) -> None:
        label = {True: "static", False: "dynamic"}[value] if isinstance(value, bool) else value
        if label != "auto":
            refuse(get_strategy(label), self.cells, own_stack(self.cells, self.compute_dtype)[0], self.compute_dtype)
        self._unroll = label
        self.supports_jit = label == "auto" or get_strategy(label).strategy.xla

    def build(self, sequences_shape: Sequence[int | None], initial_state_shape: Any = None) -> None:
        """Makes the weights, and the state that is carried where it is `stateful`."""
        if self.stateful and self.states is None and sequences_shape[0] is None:
            raise ArgumentError(
                f"{self.name}: expected a known batch size with stateful=True, got inputs of shape "
                f"{tuple(sequences_shape)}; set it in keras.Input(batch_shape=(B, T, I))",
                "layer.unknown_batch_size",
            )
        super().build(sequences_shape)
        stack, working_dtype = own_stack(self.cells, self.compute_dtype)
        features = int(sequences_shape[-1] or 0)
        for cell in stack:
            if isinstance(cell, Whole):
                cell.build(sequences_shape[0], features, working_dtype.name)
            features = cell.units
        self._steps = sequences_shape[1]

    def _create_state_variables(self, batch_size: int) -> None:
        """See `keras.layers.RNN`; not rounded where the layer computes in a narrow dtype."""
        options = {"trainable": False, "dtype": self.variable_dtype, "autocast": False, "name": "rnn_state"}
        with keras.name_scope(self.name):
            states = keras.tree.map_structure(
                lambda part: keras.Variable(part, **options), self.get_initial_state(batch_size)
            )
        # As in Keras's layers the state is no weight: it is neither saved nor copied.
        object.__setattr__(self, "states", states)

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
            initial_state: The state before the first step; else that of the cells, or the carried one.
            mask: Which steps are visible, bool `[B, T]`.
            training: Whether inputs are dropped.
            sequences_mask: Keras's name of `mask` in a call with an `initial_state` besides the `sequences`.
        """
        if getattr(self, "use_cudnn", False) is True:
            raise ArgumentError(f"{self.name}: expected use_cudnn='auto' or False, got True", "layer.cudnn")
        stack, working_dtype = own_stack(self.cells, self.compute_dtype)
        unrolling = get_strategy(self._chosen(sequences, stack) if self.unroll == "auto" else self.unroll)
        refuse(unrolling, self.cells, stack, self.compute_dtype)
        self.chosen = unrolling.label
        x_BTI = self._with_known_steps(tf.cast(sequences, working_dtype), unrolling)
        x_BTI, state = self._agreeing(x_BTI, initial_state)
        mask_BT = mask_of(sequences_mask if mask is None else mask, x_BTI, self.name)
        if self.go_backwards:
            x_BTI = tf.reverse(x_BTI, [1])
            mask_BT = None if mask_BT is None else tf.reverse(mask_BT, [1])
        lengths_B = None
        if mask_BT is not None:
            x_BTI, lengths_B = pack(x_BTI, mask_BT)

        x_TBI = tf.transpose(x_BTI, (1, 0, 2))
        stack = tuple(
            cell.used(bool(training), unrolling.strategy.repeats) if isinstance(cell, Whole) else cell for cell in stack
        )
        x_TBI, masks = self._dropped(x_TBI, stack, state, training=bool(training))
        weights = tuple(weights_of(cell, own, working_dtype) for cell, own in zip(self.cells, stack, strict=True))
        h_TBS, after = unrolling.load()(stack, weights, window(x_TBI, lengths_B, masks), state)
        for cell in stack:
            if isinstance(cell, Whole):
                cell.forget_masks()
                for loss in cell.collected_losses():
                    self.add_loss(loss)
        h_BTS = tf.transpose(h_TBS, (1, 0, 2))
        if mask_BT is not None:
            h_BTS = unpack(h_BTS, mask_BT)
        if self.stateful:
            for variable, part in zip(keras.tree.flatten(self.states), tf.nest.flatten(after), strict=True):
                variable.assign(tf.cast(part, variable.dtype))
        return self._returned(h_BTS, mask_BT, after)

    def _chosen(self, x_BTI: tf.Tensor, stack: Sequence[Any]) -> str:
        """The strategy that `auto` is for these inputs."""
        steps, batch_size = x_BTI.shape[1] or self._steps, x_BTI.shape[0]
        shape = {"layers": len(stack), "units": max(cell.units for cell in stack)}

        def can_run(label: str) -> bool:
            unrolling = get_strategy(label)
            try:
                refuse(unrolling, self.cells, stack, self.compute_dtype)
            except UserError:
                return False
            return steps is not None or not unrolling.needs_steps

        kinds = {NAMES[type(cell)] for cell in stack}
        shown = choose(kinds, {**shape, "steps": steps, "batch_size": batch_size}, self._compiled(), can_run)
        return shown or ("keras" if can_run("keras") else "dynamic")

    def _compiled(self) -> tuple[str, ...]:
        """How the call is compiled, as far as it can be known: the model tells that is called from outside."""
        if tf.executing_eagerly():
            return ("graph",)
        model = getattr(self._get_call_context(), "entry_layer", None)
        if isinstance(model, keras.Model) and model.compiled:
            return ("xla",) if model.jit_compile else ("graph",)
        return ("xla", "graph")

    def _with_known_steps(self, x_BTI: tf.Tensor, unrolling: Unrolling) -> tf.Tensor:
        """The input with a known number of time steps, where the strategy needs it."""
        if x_BTI.shape[1] is not None or not unrolling.needs_steps:
            return x_BTI
        if self._steps is None:
            raise ArgumentError(
                f"{self.name}: expected a known number of time steps for unroll={self.unroll!r}, got inputs of shape "
                f"{tuple(x_BTI.shape)}; begin the model with keras.Input((T, I)), or use unroll='dynamic'",
                "layer.unknown_steps",
            )
        # A dataset may forget what the model's input has said.
        return tf.ensure_shape(x_BTI, (None, self._steps, None))

    def _agreeing(self, x_BTI: tf.Tensor, initial_state: Any) -> tuple[tf.Tensor, StackState]:
        """Input and state with the same batch size, static if that of either is."""
        if initial_state is None and self.stateful:
            initial_state = self.states
        if initial_state is None:
            batch_size = tf.shape(x_BTI)[0] if x_BTI.shape[0] is None else x_BTI.shape[0]
            initial_state = self.get_initial_state(batch_size)
        parts = [tf.cast(tf.convert_to_tensor(part), x_BTI.dtype) for part in keras.tree.flatten(initial_state)]
        expected, got = keras.tree.flatten(self.state_size), [part.shape[-1] for part in parts]
        if got != expected:
            raise ArgumentError(
                f"{self.name}: expected an initial_state of sizes {expected}, got {got}", "layer.initial_state"
            )
        batch_sizes = {size for size in (x_BTI.shape[0], *(part.shape[0] for part in parts)) if size is not None}
        if len(batch_sizes) > 1:
            raise ArgumentError(
                f"{self.name}: expected the batch size of the {'carried' if self.stateful else 'initial'} state, "
                f"{parts[0].shape[0]}, got inputs with {x_BTI.shape[0]}",
                "layer.batch_size",
            )
        batch_size = next(iter(batch_sizes), None)
        parts = [tf.ensure_shape(part, (batch_size, *part.shape[1:])) for part in parts]
        sizes = [len(keras.tree.flatten(cell.state_size)) for cell in self.cells]
        state = tuple(tuple(parts[sum(sizes[:index]) :][:size]) for index, size in enumerate(sizes))
        return tf.ensure_shape(x_BTI, (batch_size, None, None)), state

    def _dropped(
        self, x_TBI: tf.Tensor, stack: Sequence[Any], state: StackState, *, training: bool
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Dropout as in Keras's cells: on the input of each layer, one mask for all time steps, drawn as Keras does."""
        masks = []
        features = x_TBI.shape[-1]
        for cell, own, before in zip(self.cells, stack, state, strict=True):
            ones_BI = tf.ones((tf.shape(x_TBI)[1], features), x_TBI.dtype)
            mask_BI = None
            if isinstance(own, Whole):
                own.draw_masks(ones_BI, before)
            elif training and 0 < cell.dropout < 1:
                mask_BI = cell.get_dropout_mask(ones_BI)
                cell.reset_dropout_mask()
            masks.append(mask_BI)
            features = own.units
        if all(mask is None for mask in masks):
            return x_TBI, ()
        sizes = (x_TBI.shape[-1], *(own.units for own in stack[:-1]))
        first, *between = (
            tf.ones((1, tf.shape(x_TBI)[1], size), x_TBI.dtype) if mask is None else tf.reshape(mask, (1, -1, size))
            for mask, size in zip(masks, sizes, strict=True)
        )
        return x_TBI * first, tuple(between)

    def _returned(self, h_BTS: tf.Tensor, mask_BT: tf.Tensor | None, after: StackState) -> Any:
        if self.zero_output_for_mask and mask_BT is not None:
            h_BTS = tf.where(mask_BT[:, :, None], h_BTS, 0)
        output = tf.cast(h_BTS if self.return_sequences else h_BTS[:, -1], self.compute_dtype)
        if not self.return_state:
            return output
        parts = [tf.cast(part, self.compute_dtype) for part in tf.nest.flatten(after)]
        return output, *keras.tree.pack_sequence_as(_plain(self.state_size), parts)

    def reset_state(self) -> None:
        """Sets the carried state to zero."""
        for variable in keras.tree.flatten(self.states or ()):
            variable.assign(tf.zeros_like(variable.value))

    def copy_from(self, layers: Any) -> Self:
        """Copies the weights of Keras layers, one or a list from the input upwards; builds this layer if needed.

        The other way, `get_weights` has the weights in the order of Keras's layers.

        Args:
            layers: Built layers: `LSTM`, `GRU`, `SimpleRNN`, `RNN` of any cells, or `Unrolled`.
        """
        arrays = [array for layer in listed(layers) for array in layer.get_weights()]
        if not arrays:
            raise ArgumentError(
                f"{self.name}: expected built layers to copy from, got layers without weights", "layer.not_built"
            )
        if not self.built and not hasattr(self.cells[0], "kernel_initializer"):
            kind = type(self.cells[0]).__name__
            raise ArgumentError(
                f"{self.name}: expected a built layer, got one with {kind} that is not", "layer.not_built"
            )
        if not self.built:
            self.build((None, None, arrays[0].shape[0]))
        ours, theirs = [tuple(weight.shape) for weight in self.weights], [array.shape for array in arrays]
        if ours != theirs:
            expected = f"weights of shapes {ours}, in the order of the layers"
            raise ArgumentError(f"{self.name}: expected {expected}, got {theirs}", "layer.weights")
        self.set_weights(arrays)
        return self

    def get_config(self) -> dict[str, Any]:
        """See `keras.layers.Layer`."""
        config = super().get_config()
        del config["cell"]
        cells = [keras.saving.serialize_keras_object(cell) for cell in self.cells]
        return {**config, "layers": cells}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """See `keras.layers.Layer`; takes the configuration of `keras.layers.LSTM`, `GRU` and `SimpleRNN`, too."""
        if "layers" not in config:
            return cls(**config)
        cells = [
            keras.saving.deserialize_keras_object(cell, custom_objects=custom_objects) for cell in config["layers"]
        ]
        # Keras 2 wrote how a cell is implemented beside it.
        rest = {name: value for name, value in config.items() if name not in ("layers", "implementation")}
        return cls(layers=cells, **rest)

    def save_own_variables(self, store: Any) -> None:
        """See `keras.layers.Layer`."""
        self._foreign = False
        super().save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """See `keras.layers.Layer`; a file with the weights of Keras's layers is read, too."""
        self._foreign = load_foreign(self, store)
        if not self._foreign:
            super().load_own_variables(store)

    def __dir__(self) -> list[str]:
        # Keras loads what it finds here, and would not find in the file what was read from elsewhere in it.
        hidden = {"cell", "cells"} if self._foreign else set()
        return [name for name in super().__dir__() if name not in hidden]


def _plain(sizes: Any) -> Any:
    """The sizes of a state in plain lists, without Keras's own kinds of them."""
    return [_plain(size) for size in sizes] if isinstance(sizes, (list, tuple)) else sizes


def _property_of_cell(name: str) -> property:
    def read(self: Unrolled) -> Any:
        if len(self.cells) > 1:
            raise AttributeError(f"{name}: expected a single layer, got {len(self.cells)}; read cells[index].{name}")
        return getattr(self.cell, name)

    return property(read, doc=f"The cell's `{name}`.")


for _name in _OF_CELL:
    setattr(Unrolled, _name, _property_of_cell(_name))
