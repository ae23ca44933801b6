"""Prints what the loops of strategies' programs make whole in each turn: `copies.py '[[LABEL, UNITS, CELL], ...]'`.

A process of its own, since XLA must compile as it does for users; its flags cannot change in a process.
"""

import json
import sys

import tensorflow as tf

from echo_rnn.core.strategies import get_strategy
from echo_rnn.core.unroll import window
from tests.core.unroll.counting import network
from tests.core.unroll.equality import CELLS
from tests.core.unroll.hlo import Program

# The numbers of time steps, of waves, of bodies and of segments: none of them is another size of the network.
STEPS, SEGMENT = 41 * 37, 37
BATCH_SIZE, FEATURES = 3, 2


def program(label, units, cell, ragged):
    """Forward and backward pass over two layers, with all gradients."""
    unroll = get_strategy(label).load()
    cells, weights, state = network((units, units), FEATURES, BATCH_SIZE, CELLS[cell])
    x_TBI, lengths_B = tf.zeros((STEPS, BATCH_SIZE, FEATURES)), tf.constant([STEPS, 3, 0])

    @tf.function(jit_compile=True, autograph=False)
    def gradients(weights, x_TBI, state, lengths_B):
        with tf.GradientTape() as tape:
            tape.watch((weights, x_TBI, state))
            outputs = unroll(cells, weights, window(x_TBI, lengths_B if ragged else None), state)
            loss = tf.add_n([tf.reduce_sum(part**2) for part in tf.nest.flatten(outputs)])
        return loss, tape.gradient(loss, (weights, x_TBI, state))

    arguments = weights, x_TBI, state, lengths_B
    return Program(gradients.experimental_get_compiler_ir(*arguments)(stage="optimized_hlo"))


def main(cases):
    for label, units, cell in cases:
        found = program(label, units, cell, ragged=cell != "lstm")
        print(json.dumps([found.made_whole(body) for body in found.loops()]))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
