"""The table of losses; read without TensorFlow, which a loss imports when it is computed.

A loss is a file here, an entry of `LOSSES`, and its options in `conf/loss/`.
"""

from collections.abc import Mapping

from echo_rnn.core.losses.cross_entropy import CrossEntropy
from echo_rnn.core.losses.esr import Esr
from echo_rnn.core.losses.loss import Loss
from echo_rnn.core.losses.mae import MeanAbsoluteError
from echo_rnn.core.losses.mse import MeanSquaredError

__all__ = ["LOSSES", "Loss"]

LOSSES: Mapping[str, type[Loss]] = {
    kind.name: kind for kind in (CrossEntropy, MeanSquaredError, MeanAbsoluteError, Esr)
}
"""Every loss by its name; the fields of a class are its options."""
