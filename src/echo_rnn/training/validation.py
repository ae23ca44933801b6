"""Loss and score on a validation series, whose outputs come in chunks."""

from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from echo_rnn.core.losses.loss import Loss
from echo_rnn.core.windows.predictor import Chunk
from echo_rnn.evaluation.classes import mean_loss_and_accuracy
from echo_rnn.training.learner import squared_error, weights_of


def validate(
    chunks: Iterable[Chunk], loss: Loss, targets: Callable[[tf.Tensor], tf.Tensor], outputs: int
) -> tuple[float, float]:
    """The loss and the score of a series; `squared_error` in double precision is the business of an evaluation.

    Args:
        chunks: The series, in order.
        loss: Of real targets, computed over each chunk as if it were one long window.
        targets: From stored targets to scaled ones.
        outputs: Classes (C) or real targets (K).
    """
    if loss.kind == "classes":
        return mean_loss_and_accuracy(chunks, outputs)
    sums, state = np.zeros(3), None
    for chunk in chunks:
        outputs_TBK, y_TBK = (tf.convert_to_tensor(np.moveaxis(array, 0, 1)) for array in (chunk.outputs_BNC, chunk.y))
        y_TBK = targets(y_TBK)
        state = loss.zero_state(*outputs_TBK.shape[1:]) if state is None else state
        counted = 1.0 if chunk.counted_BN is None else float(chunk.counted_BN.mean())
        weight_TB = None if chunk.counted_BN is None else weights_of(tf.constant(chunk.counted_BN.T))
        energies = loss.energies(y_TBK, weight_TB, state)
        value, state = loss(outputs_TBK, y_TBK, weight_TB, energies, state)
        weight = counted * y_TBK.shape[0]
        sums += weight * np.array([float(value), float(squared_error(outputs_TBK, y_TBK, weight_TB)), 1.0])
    value, error, weight = sums
    return value / weight, error / weight
