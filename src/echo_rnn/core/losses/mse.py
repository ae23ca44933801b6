"""Mean squared error: (target - output)², of scaled targets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from echo_rnn.core.losses.loss import MeanLoss

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MeanSquaredError(MeanLoss):
    """Mean squared error over time steps, rows and targets."""

    name: ClassVar[str] = "mse"
    kind: ClassVar[Literal["classes", "real"]] = "real"
    unit: ClassVar[str] = "mean squared error"

    def penalties(self, outputs: "tf.Tensor", y: "tf.Tensor") -> "tf.Tensor":
        """See `MeanLoss`."""
        import tensorflow as tf  # noqa: PLC0415

        return tf.square(y - outputs)
