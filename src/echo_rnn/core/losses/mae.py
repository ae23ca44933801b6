"""Mean absolute error: |target - output|, of scaled targets; outliers weigh less than in the squared error."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from echo_rnn.core.losses.loss import Loss, LossState, weighted_mean

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """Mean absolute error over time steps, rows and targets."""

    name: ClassVar[str] = "mae"
    kind: ClassVar[Literal["classes", "real"]] = "real"
    unit: ClassVar[str] = "mean absolute error"

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

        return weighted_mean(tf.abs(y - outputs), weight_TB), state
