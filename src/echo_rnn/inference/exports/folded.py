"""A network with the scaling of its ends folded into its weights, for formats that have no scaling.

The first layer reads (x - o) / s, so its kernel is divided by s and o / s · W is taken off its bias; the head gives
s · y + o.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from echo_rnn.inference.trained import Trained

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """The weights of one recurrent layer in Keras's layout, float32."""

    kernel_IG: Array
    recurrent_SG: Array
    bias: Array


@dataclass(frozen=True)
class Folded:
    """Weights that map raw inputs to raw targets, or to logits; without what a residual head adds."""

    layers: tuple[Layer, ...]
    head_SK: Array
    head_bias_K: Array


def folded(trained: "Trained") -> Folded:
    """The weights of a network of LSTM, GRU or simple layers with its scaling folded in."""
    scaling = trained.description.ends.scaling
    # In double precision, rounded once.
    layers = [[np.array(part, np.float64) for part in layer] for layer in trained.weights.layers]
    kernel_IG, _, bias = layers[0]
    kernel_IG /= scaling.input_scale_I[:, np.newaxis]
    # The input's row, where a GRU has a second one for its recurrent product.
    (bias[0] if bias.ndim == 2 else bias)[...] -= scaling.input_offset_I @ kernel_IG
    head_SK, head_bias_K = (np.array(part, np.float64) for part in trained.weights.head)
    if len(scaling.target_scale_K):
        head_SK = head_SK * scaling.target_scale_K
        head_bias_K = head_bias_K * scaling.target_scale_K + scaling.target_offset_K
    rounded = [Layer(*(part.astype(np.float32) for part in layer)) for layer in layers]
    return Folded(tuple(rounded), head_SK.astype(np.float32), head_bias_K.astype(np.float32))
