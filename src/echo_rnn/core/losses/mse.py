"""Mean squared error: (target - output)², of scaled targets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from echo_rnn.core.losses.loss import Loss, LossState, weighted_mean

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean squared error over time steps, rows and targets."""

    name: ClassVar[str] = "mse"
    kind: ClassVar[Literal["classes", "real"]] = "real"
    unit: ClassVar[str] = "mean squared error"

    def __call__(
        self,
        outputs: "tf.Tensor",
        y: "tf.Tensor",
        weight_TB: "tf.Tensor | None",
        energies: "tuple[tf.Tensor, ...]",
        state: LossState,
    ) -> "tuple[tf.Tensor, LossState]":
        """See `Loss`."""
        import tensorflow as tf  # noqa: PLC0415

        return weighted_mean(tf.square(y - outputs), weight_TB), state
