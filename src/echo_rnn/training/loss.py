"""What is minimised, and what is watched."""

import tensorflow as tf


def cross_entropy(logits_TBC: tf.Tensor, y_TB: tf.Tensor) -> tf.Tensor:
    """Mean over all time steps and rows of -log softmax(logits)[target], in nats."""
    losses_TB = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_TB, logits=logits_TBC)
    return tf.reduce_mean(losses_TB)


def accuracy(logits_TBC: tf.Tensor, y_TB: tf.Tensor) -> tf.Tensor:
    """Share of targets that get the largest logit."""
    right_TB = tf.equal(tf.argmax(logits_TBC, axis=-1, output_type=y_TB.dtype), y_TB)
    return tf.reduce_mean(tf.cast(right_TB, logits_TBC.dtype))
