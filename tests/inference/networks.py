"""Trained networks with nothing that is easy: random biases, unequal sizes, offsets and scales; and NumPy's answer.

The reference computes in double precision from the stored weights, with equations of its own (`tests/oracle.py`).
"""

from functools import lru_cache

import numpy as np
import tensorflow as tf

from echo_rnn.config.network import MODEL
from echo_rnn.core.model import build, flat
from echo_rnn.core.strategies import get_strategy
from echo_rnn.inference.description import Description
from echo_rnn.inference.trained import Trained
from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.scaling import Scaling
from tests.oracle import LAYERS, Stack, Weights

BITS = Ends("classes", 1, 2, Scaling.identity(1, 0), ("bit",), ("bit",))
"""The ends of a network of the echo task."""
DROPOUT = {"between": 0.3, "output": 0.2, "variational": False}  # which no prediction uses
CELLS = {
    "lstm": {"cell": "lstm", "forget_bias": 1.0},
    "gru_after": {"cell": "gru", "reset_after": True},
    "gru_before": {"cell": "gru", "reset_after": False},
    "rnn": {"cell": "rnn"},
    "custom": {"cell": "custom", "path": "keras.layers:GRUCell", "options": {}},
}
ORACLES = {"custom": "gru_after"}
STEPS = 2000
BLOCKS = (1, 7, 64, 1000)


def ends(inputs=3, outputs=2, kind="real", *, scaled=True, residual=False, sample_rate=None):
    rng = np.random.default_rng([inputs, outputs])
    targets = outputs if kind == "real" else 0
    drawn = Scaling(*(part(size=size) for size in (inputs, targets) for part in (rng.normal, rng.lognormal)))
    return Ends(
        kind=kind,
        inputs=inputs,
        outputs=outputs,
        scaling=drawn if scaled else Scaling.identity(inputs, targets),
        input_names=tuple(f"in{index}" for index in range(inputs)),
        target_names=tuple(f"out{index}" for index in range(max(targets, 1))),
        own_inputs=tuple(range(outputs))[::-1] if residual else (),
        residual=residual,
        sample_rate=sample_rate,
    )


def section(cell="lstm", units=(5, 4), precision="float32"):
    own = {"layers": len(units), "units": list(units), "precision": precision}
    return MODEL.validate({**CELLS[cell], **own, "residual": False, "dropout": DROPOUT})


def network(cell="lstm", units=(5, 4), unroll="dynamic", **described):
    """A trained network with random weights; see `ends` for what else can be said."""
    description = Description(section(cell, units), get_strategy(unroll), ends(**described))
    return with_weights(description)


def with_weights(description):
    its = description.ends
    model = build(
        description.stack, description.unrolling, its.inputs, its.outputs, residual_inputs=its.residual_inputs
    )
    rng = np.random.default_rng(7)
    weights = tf.nest.map_structure(
        lambda leaf: tf.constant(rng.normal(scale=0.5, size=leaf.shape), tf.float32),
        model.initial_weights(np.random.SeedSequence(0)),
    )
    return Trained(description, model, weights, "a" * 32)


@lru_cache
def series(inputs=3, steps=STEPS):
    """Raw inputs `[N, I]` that the scaling of `ends` was fitted on, nearly."""
    return np.random.default_rng(inputs).normal(size=(steps, inputs)).astype(np.float32)


def expected(cell, trained, x_NI):
    """What the network predicts for raw inputs from a zero state, in double precision."""
    scaling, its = trained.description.ends.scaling, trained.description.ends
    scaled_NI = (x_NI.astype(np.float64) - scaling.input_offset_I) / scaling.input_scale_I
    leaves = [np.array(leaf, np.float64) for leaf in flat(trained.weights)]
    name = ORACLES.get(cell, cell)
    weights = [Weights(*leaves[at : at + 3]) for at in range(0, len(leaves) - 2, 3)]
    zero = [(np.zeros((1, len(layer.recurrent))),) * LAYERS[name].states for layer in weights]
    h_N1S, _ = Stack(name, weights).forward(scaled_NI[:, np.newaxis], zero)
    y_NK = h_N1S[:, 0] @ leaves[-2] + leaves[-1]
    if its.residual:
        y_NK += scaled_NI[:, its.residual_inputs]
    if its.kind == "classes":
        powers = np.exp(y_NK - y_NK.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return y_NK * scaling.target_scale_K + scaling.target_offset_K


def in_blocks(run, x_NI, size):
    """The outputs of a stateful function that is called with `size` samples at a time, and with what is left."""
    return np.concatenate([run(x_NI[at : at + size]) for at in range(0, len(x_NI), size)])
