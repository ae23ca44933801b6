"""Activations of a cell, with their derivatives as functions of their results.

A backward pass then needs the result alone, which is stored anyway. That is possible for a function that does not turn:
`gelu` and `silu` are not here. The functions are Keras's, by their names; the derivative where a function has a kink is
TensorFlow's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import tensorflow as tf

_SELU_SCALE, _SELU_SCALE_ALPHA = 1.0507009873554805, 1.7580993408473766


@dataclass(frozen=True)
class Activation:
    """An activation.

    Attributes:
        name: Keras's.
        function: From z to y.
        gradient: From d, the gradient of y, and y to that of z.
    """

    name: str
    function: Callable[[tf.Tensor], tf.Tensor] = field(compare=False)
    gradient: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = field(compare=False)

    def __call__(self, z: tf.Tensor) -> tf.Tensor:
        """The result."""
        return self.function(z)


TANH = Activation("tanh", tf.tanh, lambda d, y: d * (1 - y**2))
SIGMOID = Activation("sigmoid", tf.sigmoid, lambda d, y: d * y * (1 - y))

ACTIVATIONS = {
    each.name: each
    for each in (
        TANH,
        SIGMOID,
        Activation("linear", keras.activations.linear, lambda d, y: d),
        Activation("relu", keras.activations.relu, lambda d, y: tf.where(y > 0, d, 0)),
        Activation("relu6", keras.activations.relu6, lambda d, y: tf.where((y > 0) & (y < 6), d, 0)),
        Activation("leaky_relu", keras.activations.leaky_relu, lambda d, y: tf.where(y > 0, d, 0.2 * d)),
        Activation("hard_sigmoid", keras.activations.hard_sigmoid, lambda d, y: tf.where((y > 0) & (y < 1), d / 6, 0)),
        Activation("hard_tanh", keras.activations.hard_tanh, lambda d, y: tf.where(tf.abs(y) < 1, d, 0)),
        Activation("elu", keras.activations.elu, lambda d, y: tf.where(y < 0, d * (y + 1), d)),
        Activation(
            "selu",
            keras.activations.selu,
            lambda d, y: d * tf.where(y < 0, y + _SELU_SCALE_ALPHA, tf.ones_like(y) * _SELU_SCALE),
        ),
        Activation("softplus", keras.activations.softplus, lambda d, y: d * (1 - tf.exp(-y))),
        Activation("softsign", keras.activations.softsign, lambda d, y: d * (1 - tf.abs(y)) ** 2),
    )
}
"""By their names in Keras. None is 1 or more at 0, so that units that only pad a layer stay finite."""
