"""A trained network in a program of one's own: arrays in raw units in, predictions in raw units out.

network = echo_rnn.load("models")
y_NK = network.predict(x_NI)                 # a whole series, from a zero state
stream = network.stream()
y_NK = stream(x_NI)                          # any number of samples at a time; the state is carried
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.core.compilation import fused_loop_bytes
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.gc_paused import gc_paused
from echo_rnn.inference.description import read
from echo_rnn.tasks.ends import Ends

if TYPE_CHECKING:
    from echo_rnn.inference.stream import Stream
    from echo_rnn.inference.trained import Trained


def load(folder: str | os.PathLike[str] = "models") -> "Network":
    """Loads the network that a training wrote to a folder.

    TensorFlow is started where it has not been imported before; it then takes as many threads as it likes.

    Args:
        folder: That of a network, `models` in the project or in the output folder of a job.

    Raises:
        UserError: There is no network, or it is damaged, edited, or of another version.
    """
    path = Path(folder)
    described = read(path)
    if "tensorflow" not in sys.modules:
        with gc_paused():
            start_tensorflow(0, fused_loop_bytes=fused_loop_bytes(described.stack.sizes, described.unrolling))
    from echo_rnn.inference import store  # noqa: PLC0415 # imports TensorFlow

    return Network(store.load(path))


class Network:
    """A trained network; see `echo_rnn.load`.

    Attributes:
        ends: What it reads and predicts: names, units, sample rate.
    """

    def __init__(self, trained: "Trained") -> None:
        from echo_rnn.inference.stream import Prediction  # noqa: PLC0415 # imports TensorFlow

        self.ends: Ends = trained.description.ends
        self._trained = trained
        self._prediction = Prediction(trained)

    def predict(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """The predictions for whole series, from a zero state.

        Args:
            x: Inputs in raw units, of any dtype of real numbers: `[N, I]` for one series, `[B, N, I]` for several of
                one length, or `[N]` for one series of one feature.

        Returns:
            In place of the features the K targets in raw units, or the probabilities of the C classes: `[N, K]` or
            `[B, N, K]`; for `[N]` and one target `[N]`.

        Raises:
            UserError: `x` has another shape, or a value is no finite number.
        """
        x = np.asarray(x)
        return self.stream(x.shape[0] if x.ndim == 3 else None)(x)

    def stream(self, batch_size: int | None = None) -> "Stream":
        """A stateful object that reads a series bit by bit, from a zero state on.

        Args:
            batch_size: How many series are read side by side, as `[B, N, I]`; `None` for one, as `[N, I]` or `[N]`.
        """
        from echo_rnn.inference.stream import Stream  # noqa: PLC0415

        return Stream(self._prediction, batch_size)

    def export(self, name: str, folder: str | os.PathLike[str] = ".") -> list[Path]:
        """Writes the network in a format that other programs read, and returns the files.

        Args:
            name: Of the format: a value of the setting `export`, see `echo_rnn.inference.exports`.
            folder: Where; made where it is missing.

        Raises:
            UserError: The format cannot hold this network, or a file cannot be written.
        """
        from echo_rnn.inference.exports import write  # noqa: PLC0415

        return write(self._trained, [name], Path(folder))
