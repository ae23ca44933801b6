"""The initial weights that Keras's recurrent layers start from."""

from collections.abc import Sequence

import keras
import tensorflow as tf


def kernels(inputs: int, units: int, gates: int, seeds: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Glorot-uniform input weights `[I, gates·S]` and orthogonal recurrent weights `[S, gates·S]`."""
    kernel_seed, recurrent_seed = seeds
    kernel_IG = keras.initializers.GlorotUniform(kernel_seed)((inputs, gates * units))
    recurrent_SG = keras.initializers.Orthogonal(seed=recurrent_seed)((units, gates * units))
    return kernel_IG, recurrent_SG
