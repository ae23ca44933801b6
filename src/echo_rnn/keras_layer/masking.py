"""Any mask as row lengths: visible steps are packed at the front of each row, and their outputs unpacked again."""

import tensorflow as tf


def pack(x_BTI: tf.Tensor, mask_BT: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The visible steps at the front of each row, and their number."""
    steps = tf.shape(mask_BT)[1]
    t_T = tf.range(steps)
    order_BT = tf.argsort(tf.where(mask_BT, t_T, t_T + steps), axis=1)
    return tf.gather(x_BTI, order_BT, batch_dims=1), tf.reduce_sum(tf.cast(mask_BT, tf.int32), axis=1)


def unpack(h_BTS: tf.Tensor, mask_BT: tf.Tensor) -> tf.Tensor:
    """Outputs at the mask's time steps; a hidden step repeats the output before it, or is 0 where there is none."""
    seen_BT = tf.cumsum(tf.cast(mask_BT, tf.int32), axis=1)
    h_BTS = tf.gather(h_BTS, tf.maximum(seen_BT - 1, 0), batch_dims=1)
    return tf.where(seen_BT[:, :, None] > 0, h_BTS, 0)
