"""Dropout between layers and on outputs: masks drawn once for a window and passed to the strategy that runs it.

Drawing outside the strategies makes them comparable: the same seed drops the same units in all of them. A kept unit is
multiplied by 1 / (1 - rate), so that nothing has to be scaled in evaluation, where no masks are drawn. The recurrent
connections are never dropped.

Sources: Zaremba et al. 2014, "Recurrent Neural Network Regularization" (a mask for each time step, which is what the
article's `DropoutWrapper(output_keep_prob=…)` around every layer does); Gal & Ghahramani 2016 (variational: one mask
for the whole window).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf


class Masks(NamedTuple):
    """The factors of one window.

    Attributes:
        between: For each boundary between layers `[T, B, S]`, or `[1, B, S]` for one that is constant; may be empty.
        output: The same for the last layer's outputs, or `None`.
    """

    between: tuple[tf.Tensor, ...] = ()
    output: tf.Tensor | None = None


@dataclass(frozen=True)
class Dropout:
    """What to drop.

    Attributes:
        between: Share of the units that are dropped between layers.
        output: Share of the last layer's units that are dropped before the head.
        variational: Whether there is one mask for the whole window.
    """

    between: float = 0.0
    output: float = 0.0
    variational: bool = False

    def draw(
        self, seed: tf.Tensor, sizes: Sequence[int], steps: int, batch_size: int, dtype: tf.DType = tf.float32
    ) -> Masks:
        """The masks of one window; the same seed gives the same masks, however it is compiled.

        Args:
            seed: Two integers.
            sizes: Units of every layer.
            steps: T.
            batch_size: B.
            dtype: That of the network.
        """

        def mask(rate: float, layer: int) -> tf.Tensor:
            shape = (1 if self.variational else steps, batch_size, sizes[layer])
            # The generator is named, since each compiler would choose its own; the bits are compared as integers,
            # since each compiler makes other fractions of them.
            own_seed = tf.random.experimental.stateless_fold_in(seed, layer, alg="philox")
            bits = tf.random.stateless_uniform(shape, own_seed, None, None, tf.uint32, alg="philox")
            return tf.cast(bits >= tf.constant(int(rate * 2**32), tf.uint32), dtype) / (1 - rate)

        last = len(sizes) - 1
        between = tuple(mask(self.between, layer) for layer in range(last)) if self.between else ()
        return Masks(between, mask(self.output, last) if self.output else None)
