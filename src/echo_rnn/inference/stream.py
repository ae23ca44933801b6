"""Predictions of a trained network in raw units: for a whole series, or for any number of samples at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from echo_rnn.core.cells import StackState
from echo_rnn.errors import UserError
from echo_rnn.inference.program import Program
from echo_rnn.inference.trained import Trained

Array = NDArray[Any]
_NUMBERS = "biuf"  # NumPy's kinds of dtypes that are real numbers


class Prediction:
    """A network's program between raw inputs and raw outputs.

    Attributes:
        ends: What the network reads and predicts.
        program: What runs it.
    """

    def __init__(self, trained: Trained) -> None:
        described = trained.description
        # The arithmetic of a cell of one's own may be something that XLA cannot compile.
        compiled = described.unrolling.strategy.xla and described.stack.kind.known
        self.ends = described.ends
        self.program = Program(trained.model, trained.weights, "xla" if compiled else "graph")

    def __call__(self, raw_BNI: Array, state: StackState) -> tuple[NDArray[np.float32], StackState]:
        """Targets in raw units, or probabilities of the classes, and the state after the last step."""
        y_BNK, state = self.program(self.ends.scaling.scale_inputs(raw_BNI), state)
        if self.ends.kind == "classes":
            return np.asarray(softmax(y_BNK, axis=-1)), state
        return self.ends.scaling.undo_targets(y_BNK), state


class Stream:
    """A network that reads any number of samples at a time and carries its state; see `Network.stream`."""

    def __init__(self, prediction: Prediction, batch_size: int | None = None) -> None:
        self._prediction = prediction
        self._ends = prediction.ends
        self._batch_size = batch_size
        self._state: StackState
        self.reset()

    def reset(self) -> None:
        """Zeroes the state: what is read next is the beginning of a series."""
        self._state = self._prediction.program.zero_state(self._batch_size or 1)

    def __call__(self, x: Array) -> NDArray[np.float32]:
        """The predictions for the samples that come next; shapes and errors are those of `Network.predict`.

        What is refused changes no state.
        """
        x = np.asarray(x)
        raw_BNI = self._arranged(x)
        self._require_finite(raw_BNI)
        y_BNK, self._state = self._prediction(raw_BNI, self._state)
        if self._batch_size is not None:
            return y_BNK
        y_NK: NDArray[np.float32] = y_BNK[0]
        return y_NK[:, 0] if x.ndim == 1 and y_NK.shape[1] == 1 else y_NK

    def _require_finite(self, raw_BNI: Array) -> None:
        with np.errstate(over="ignore"):
            finite_BNI = np.isfinite(raw_BNI.astype(np.float32, copy=False))
        if not finite_BNI.all():
            series, step, feature = np.argwhere(~finite_BNI)[0]
            place = f"series {series}, " if self._batch_size else ""
            raise UserError(
                f"x: expected finite numbers of float32, got {raw_BNI[series, step, feature]} at {place}step {step}, "
                f"{self._ends.input_names[feature]}; replace it",
                "predict.not_finite",
            )

    def _arranged(self, x: Array) -> Array:
        """`x` as `[B, N, I]`."""
        if x.dtype.kind not in _NUMBERS:
            raise UserError(
                f"x: expected an array of real numbers, got one of {x.dtype}; convert it", "predict.not_numbers"
            )
        inputs, got = self._ends.inputs, list(x.shape)
        if self._batch_size is not None:
            expected, fits = f"[{self._batch_size}, N, {inputs}]", x.ndim == 3 and x.shape[0] == self._batch_size
        else:
            expected, fits = f"[N, {inputs}]{' or [N]' if inputs == 1 else ''}", x.ndim == 2
            if x.ndim == 1 and inputs == 1:
                x, fits = x[:, np.newaxis], True
        if not fits or x.shape[-1] != inputs:
            names = ", ".join(self._ends.input_names)
            raise UserError(
                f"x: expected an array of shape {expected} with the input {names}, got one of shape {got}; arrange it "
                "so",
                "predict.bad_shape",
            )
        return x if x.ndim == 3 else x[np.newaxis]
