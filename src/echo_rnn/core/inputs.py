"""From stored series to what the network takes."""

import tensorflow as tf


def features(x: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Bits `[…]` to one input feature each, `[…, 1]`."""
    return tf.cast(x, dtype)[..., tf.newaxis]


def targets(y: tf.Tensor) -> tf.Tensor:
    """Bits to class indices."""
    return tf.cast(y, tf.int32)
