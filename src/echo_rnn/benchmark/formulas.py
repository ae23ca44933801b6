"""What a strategy stores for the backward pass, as its docstring in `echo_rnn.core.unroll` counts it.

Counted are values for each (layer, step, row) in units of S, 4 bytes each. The input of the lowest layer counts as one
S. Left out is what a window has in any case (inputs, outputs, logits), and what `deferred` makes on the way back of the
layer that it is at, slopes and gradients of gates.
"""

import math

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.config import network

# What automatic differentiation of a step keeps: the output of each gate and of tanh c, states and the layer's input.
_STEP = {"lstm": 8, "gru": 7, "rnn": 2}
# What a backward pass written by hand keeps: what `recur_saving` gives, and the state.
_DEFERRED = {"lstm": 4 + 2, "gru": 4 + 1, "rnn": 0 + 1}
_BLOCK = 7
_STATE = {"lstm": 2, "gru": 1, "rnn": 1}


def stored_bytes(shape: Shape, label: str) -> int:
    """Bytes that a training step stores for its backward pass.

    Raises:
        UserError: There is no such strategy.
    """
    unroll = network.unroll_of(label)
    width = 2 if unroll.name == "keras" and shape.precision == "bfloat16" else 4
    return _values(shape, unroll) * shape.batch_size * shape.units * width


def _values(shape: Shape, unroll: network.Strategy) -> int:
    """Values for each row and unit."""
    cells = shape.layers * shape.window
    # A wave has a place for every layer, also where a layer has not begun or has ended.
    in_waves = shape.layers * (shape.window + shape.layers - 1)
    match unroll.name:
        case "wavefront":
            return _STEP[shape.cell] * in_waves
        case "wavefront_deferred":
            return (1 + _DEFERRED[shape.cell]) * in_waves
        case "deferred":
            return _DEFERRED[shape.cell] * cells
        case "block":
            return _BLOCK * cells
    if isinstance(unroll, network.Checkpointed):
        steps = min(unroll.steps or math.ceil(math.sqrt(shape.window)), shape.window)
        segments = math.ceil(shape.window / steps)
        return shape.layers * (_STATE[shape.cell] * segments + _STEP[shape.cell] * steps)
    return _STEP[shape.cell] * cells


def written_out(shape: Shape, label: str) -> int:
    """Cells, one step of one layer each, that stand in the graph one by one; 0 where a loop does them all."""
    unroll = network.unroll_of(label)
    if label in ("static", "static_rnn", "keras_unrolled"):
        return shape.layers * shape.window
    if isinstance(unroll, network.Partial):
        return shape.layers * min(unroll.steps + shape.window % unroll.steps, shape.window)
    return 0
