"""Any mask as row lengths: visible steps are packed at the front of each row, and their outputs unpacked again."""

from typing import Any

import tensorflow as tf

from echo_rnn.keras_layer.errors import ArgumentError


def mask_of(mask: Any, x_BTI: tf.Tensor, layer: str) -> tf.Tensor | None:
    """A mask as bool `[B, T]`.

    Args:
        mask: `[B, T]` or, as Keras takes it, `[B, T, 1]`; or `None`.
        x_BTI: What it masks.
        layer: The layer's name, for messages.

    Raises:
        ArgumentError: It has another shape. Where its shape is not known when the graph is made, TensorFlow or XLA
            raises an error about a `concat`.
    """
    if mask is None:
        return None
    mask = tf.cast(tf.convert_to_tensor(mask), tf.bool)
    if mask.shape.rank == 3 and mask.shape[2] == 1:
        mask = mask[:, :, 0]
    if mask.shape.rank != 2 or not mask.shape.is_compatible_with(x_BTI.shape[:2]):
        raise ArgumentError(
            f"{layer}: expected a mask of shape {tuple(x_BTI.shape[:2])}, got {tuple(mask.shape)}", "layer.mask"
        )
    if mask.shape.is_fully_defined() and x_BTI.shape[:2].is_fully_defined():
        return mask
    # A check at run time is dropped by XLA; the parts of a concat must agree in any case.
    beside = tf.zeros_like(x_BTI[:, :, :1], tf.int32)
    return tf.concat([tf.cast(mask, tf.int32)[:, :, None], beside], axis=2)[:, :, 0] > 0


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
