"""Cross-entropy: -log softmax(logits)[target], in nats; the loss of the article."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from echo_rnn.core.losses.loss import MeanLoss

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class CrossEntropy(MeanLoss):
    """Mean cross-entropy; targets are classes."""

    name: ClassVar[str] = "cross_entropy"
    kind: ClassVar[Literal["classes", "real"]] = "classes"
    unit: ClassVar[str] = "cross-entropy [nats]"

    def penalties(self, outputs: "tf.Tensor", y: "tf.Tensor") -> "tf.Tensor":
        """See `MeanLoss`."""
        # `tf.nn.sparse_softmax_cross_entropy_with_logits`; `tf.nn` would import the Keras of TensorFlow 1.
        from tensorflow.python.ops.nn_ops import (  # noqa: PLC0415
            sparse_softmax_cross_entropy_with_logits_v2 as cross_entropy,
        )

        return cross_entropy(labels=y, logits=outputs)
