"""Cross-entropy: -log softmax(logits)[target], in nats; the loss of the article."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from echo_rnn.core.losses.loss import Loss, LossState, weighted_mean

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Mean cross-entropy; targets are classes."""

    name: ClassVar[str] = "cross_entropy"
    kind: ClassVar[Literal["classes", "real"]] = "classes"
    unit: ClassVar[str] = "cross-entropy [nats]"

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

        losses_TB = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=outputs)
        return weighted_mean(losses_TB, weight_TB), state
