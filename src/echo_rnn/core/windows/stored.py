"""From numbers as they are stored, as bytes, 16-bit audio or float32, to those that the network sees."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Affine:
    """Stored numbers to float32: (stored · unit - offset) / scale for each feature, or a plain cast.

    Attributes:
        offset: In raw units, for each feature.
        scale: Likewise.
        unit: Raw units of a stored 1.
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    unit: float = 1.0

    def __call__(self, stored: tf.Tensor) -> tf.Tensor:
        """Stored `[…, I]` to float32 `[…, I]`."""
        numbers = tf.cast(stored, tf.float32)
        if np.any(self.offset):
            numbers -= tf.constant(self.offset / self.unit, tf.float32)
        factor = self.unit / self.scale
        return numbers if np.all(factor == 1) else numbers * tf.constant(factor, tf.float32)


def classes(stored: tf.Tensor) -> tf.Tensor:
    """Stored classes to indices."""
    return tf.cast(stored, tf.int32)
