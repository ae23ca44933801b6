"""A custom cell: any object that follows Keras's cell protocol, named by its import path.

`model.path: package.module:Class` names a class (or function) that is called as `Class(units, **options)` and returns
an object with

    state_size                     a whole number, or a list of them
    output_size                    a whole number
    call(inputs, states)           to (output, states after), for one time step

as Keras's own `LSTMCell` does. Where it is a `keras.layers.Layer` its trainable weights are trained; any other object
has no weights. One step on zeros tests, before the training, whether it is such a cell. Its arithmetic is unknown, so
its input product is not separated (`project` returns its input) and only strategies that run whole steps can use it;
see `any_cell` in `echo_rnn.core.strategies`.

How to write one: docs/own_cell.md. Source: `keras.layers.RNN`.
"""

import importlib
import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from echo_rnn.core.cells.cell import State
from echo_rnn.core.errors import UserError

Tensors = tuple[tf.Tensor, ...]

_BATCH_SIZE = 2  # of the step that is tried
_LONGEST = 300  # characters of another library's message


@dataclass(frozen=True, eq=False)
class Custom:
    """A layer around a Keras cell; its weights are the cell's trainable weights in Keras's order.

    Attributes:
        path: The cell's import path, for messages.
        make: Makes the cell.
        setting: The setting that names the cell, for messages.
        cell: A cell that is called with weights from outside.
    """

    path: str
    make: Callable[[], Any]
    setting: str = "model.path"
    cell: Any = field(init=False)

    def __post_init__(self) -> None:
        expected = f"{self.setting}: expected a cell with state_size, output_size and call(inputs, states)"
        with _one_sentence(f"{expected}, got {self.path}", "cell.no_protocol"):
            cell = self.make()
            missing = [name for name in ("state_size", "output_size", "call") if not hasattr(cell, name)]
            if missing:
                raise UserError(f"{expected}, got {self.path} without {', '.join(missing)}", "cell.no_protocol")
            if not all(map(_is_size, (*_listed(cell.state_size), cell.output_size))):
                raise UserError(
                    f"{self.setting}: expected a cell with a whole number or a list of them as state_size and a whole "
                    f"number as output_size, got {self.path} with {cell.state_size!r} and {cell.output_size!r}",
                    "cell.bad_size",
                )
        object.__setattr__(self, "cell", cell)

    @property
    def units(self) -> int:
        """Size of the output."""
        return int(self.cell.output_size)

    def initial_weights(self, inputs: int, seeds: Sequence[int]) -> Tensors:
        """See `Cell`."""
        # For an initializer without a seed Keras draws one from Python's generator.
        before = random.getstate()
        random.seed(seeds[0])
        try:
            expected = f"{self.setting}: expected a cell that can be built for {inputs} inputs"
            with _one_sentence(f"{expected}, got {self.path}", "cell.not_buildable"):
                cell = self.make()
                _build(cell, inputs)
                weights = tuple(tf.convert_to_tensor(weight.value) for weight in _trainable(cell))
            self._try(cell, weights, inputs)
        finally:
            random.setstate(before)
        return weights

    def _try(self, cell: Any, weights: Tensors, inputs: int) -> None:
        """Runs one step on zeros.

        Raises:
            UserError: The cell could not be trained or not be saved.
        """
        x_BI, state = tf.zeros((_BATCH_SIZE, inputs)), self.zero_state(_BATCH_SIZE, tf.float32)
        needed = _described((tf.zeros((_BATCH_SIZE, self.units)), state))
        expected = (
            f"{self.setting}: expected a cell with call(inputs, states) that returns (output, states) of {needed}"
        )
        with _one_sentence(f"{expected} for inputs of {_described(x_BI)}, got {self.path}", "cell.bad_step"):
            got = _described(_step(cell, weights, x_BI, state))
        if got != needed:
            raise UserError(f"{expected} for inputs of {_described(x_BI)}, got {got} from {self.path}", "cell.bad_step")
        late = len(_trainable(cell)) - len(weights)
        if late:
            raise UserError(
                f"{self.setting}: expected a cell that makes all its weights in build(shape), got {self.path}, which "
                f"makes {late} of them in call",
                "cell.late_weights",
            )
        expected = f"{self.setting}: expected a cell that keras.layers.RNN can run and save, as the trained network is"
        with _one_sentence(f"{expected}, got {self.path}", "cell.not_savable"):
            keras.layers.RNN(cell).call(x_BI[:, None])
            keras.saving.serialize_keras_object(cell)

    def zero_state(self, batch_size: int, dtype: tf.DType) -> State:
        """See `Cell`."""
        return tuple(tf.zeros((batch_size, size), dtype) for size in _listed(self.cell.state_size))

    def project(self, weights: Tensors, x: tf.Tensor) -> tf.Tensor:
        """See `Cell`; returns the input."""
        return x

    def recur(self, weights: Tensors, z_BG: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """See `Cell`."""
        _build(self.cell, int(z_BG.shape[-1]))
        h_BS, after = _step(self.cell, weights, z_BG, state)
        return h_BS, tuple(tf.nest.flatten(after))


def build_custom(units: int, precision: None = None, *, path: str, options: Mapping[str, Any]) -> Custom:
    """The cell that `path` names, with `units` and `options`; the precision of its products is its own.

    Raises:
        UserError: There is no such cell, it does not take these arguments, or it is not a cell.
    """
    module, _, name = path.partition(":")
    with _one_sentence(f"model.path: expected the import path of a cell, got {path!r}", "cell.not_importable"):
        kind = getattr(importlib.import_module(module), name)
    # A built-in function, such as os._exit, makes no cell and must not be called.
    may_make_one = inspect.isclass(kind) or inspect.isfunction(kind)
    if not may_make_one:
        raise UserError(
            f"model.path: expected a class or function that makes a cell, got {path!r}: {kind!r}", "cell.not_importable"
        )

    def make() -> Any:
        with _one_sentence(
            f"model.options: expected arguments that {path} takes, got {dict(options)!r}", "cell.options"
        ):
            return kind(units, **options)

    return Custom(path, make)


@contextmanager
def _one_sentence(mistake: str, code: str) -> Iterator[None]:
    """Turns any exception of the custom code in the block into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        message = " ".join(str(error).split())
        message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
        raise UserError(f"{mistake}: {type(error).__name__}{message and f': {message}'}", code) from error


def _step(cell: Any, weights: Tensors, x_BI: tf.Tensor, state: State) -> Any:
    if not isinstance(cell, keras.layers.Layer):
        return cell.call(x_BI, list(state))
    return cell.stateless_call(list(weights), cell.non_trainable_variables, x_BI, list(state))[0]


def _build(cell: Any, features: int) -> None:
    if isinstance(cell, keras.layers.Layer) and not cell.built:
        with tf.init_scope():
            cell.build((None, features))
            cell.built = True


def _trainable(cell: Any) -> Sequence[Any]:
    variables: Sequence[Any] = getattr(cell, "trainable_variables", ())
    return variables


def _listed(sizes: Any) -> Sequence[Any]:
    return sizes if isinstance(sizes, (list, tuple)) else [sizes]


def _is_size(size: Any) -> bool:
    # The cell is saved as Keras's RNN, which accepts no NumPy integers.
    return isinstance(size, int) and not isinstance(size, bool) and size > 0


def _described(value: Any) -> str:
    """A description of what `call` returned: as `(output, states)` if it is a pair, tensors by dtype and shape."""
    if isinstance(value, (list, tuple)) and len(value) == 2:
        output, states = value
        return f"({_tensor(output)}, [{', '.join(map(_tensor, tf.nest.flatten(states)))}])"
    if isinstance(value, (list, tuple)):
        return f"{len(value)} values"
    return _tensor(value)


def _tensor(value: Any) -> str:
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return f"a {type(value).__name__}"
    return f"{tf.as_dtype(value.dtype).name} {list(value.shape)}"
