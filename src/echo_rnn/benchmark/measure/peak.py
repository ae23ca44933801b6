"""The machine's own matrix product: the rate that a shape's rate is a share of."""

import time

import numpy as np
import tensorflow as tf

_SIZE = 2048
_REPEATS = 5


def peak_gflops(size: int = _SIZE, repeats: int = _REPEATS) -> float:
    """Multiplications and additions in 10⁹ per second: the best of several large float32 products, on all threads."""
    one, other = np.random.default_rng(0).standard_normal((2, size, size), dtype=np.float32)
    one, other = tf.convert_to_tensor(one), tf.convert_to_tensor(other)
    seconds = []
    for _ in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        # A fetched value makes sure that the product is over.
        float(tf.matmul(one, other)[0, 0])
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9
