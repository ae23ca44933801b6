"""Where a training stands between two calls of its loop."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from echo_rnn.core.windows.loop import Array
from echo_rnn.training.early_stop import Memory
from echo_rnn.training.history import Marks
from echo_rnn.training.learner import Snapshot


class Seconds(NamedTuple):
    """Those of a `History`."""

    steady: float
    epoch: float
    validation: float


@dataclass(frozen=True)
class Progress:
    """All that the rest of a training depends on.

    What is dropped is drawn by the optimizer's step counter, which is one of the variables: there is no other
    generator whose state would belong here. How many windows a call ran has no influence either.

    Attributes:
        steps: Training steps done. With the rows of the epochs' log they give epoch and window.
        variables: Weights and optimizer.
        state: The carried state of every layer, flat.
        early_stop: What early stopping remembers.
        seconds: Spent so far.
        marks: How far the history has come.
    """

    steps: int
    variables: Snapshot
    state: list[Array]
    early_stop: Memory
    seconds: Seconds
    marks: Marks

    @property
    def is_finite(self) -> bool:
        """Whether nothing that the coming steps use is NaN or infinite."""
        return self.variables.is_finite and all(bool(np.isfinite(array).all()) for array in self.state)
