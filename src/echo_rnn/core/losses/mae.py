"""Mean absolute error: |target - output|, of scaled targets; outliers weigh less than in the squared error."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from echo_rnn.core.losses.loss import MeanLoss

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MeanAbsoluteError(MeanLoss):
    """Mean absolute error over time steps, rows and targets."""

    name: ClassVar[str] = "mae"
    kind: ClassVar[Literal["classes", "real"]] = "real"
    unit: ClassVar[str] = "mean absolute error"

    def penalties(self, outputs: "tf.Tensor", y: "tf.Tensor") -> "tf.Tensor":
        """See `MeanLoss`."""
        import tensorflow as tf  # noqa: PLC0415

        return tf.abs(y - outputs)
