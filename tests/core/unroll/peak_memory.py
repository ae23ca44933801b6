"""Prints by how many bytes one backward pass raises this process's peak memory: `peak_memory.py STRATEGY STEPS`."""

import sys
from pathlib import Path

import tensorflow as tf

from echo_rnn.core.unroll import window
from echo_rnn.core.unroll.checkpointed import Checkpointed
from echo_rnn.core.unroll.dynamic import dynamic
from tests.core.unroll.counting import network

STRATEGIES = {"dynamic": dynamic, "checkpointed": Checkpointed()}
ROWS, UNITS, LAYERS = 64, 64, 2


def peak():
    # Not `ru_maxrss`, which starts at what the parent process held when it made this one.
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def main(strategy, steps):
    cells, weights, state = network((UNITS,) * LAYERS, 1, ROWS)

    @tf.function(autograph=False)
    def gradients(x_TBI):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            h_TBS, _ = STRATEGIES[strategy](cells, weights, window(x_TBI), state)
            loss = tf.reduce_sum(h_TBS[-1])
        return tape.gradient(loss, weights)

    gradients(tf.zeros((4, ROWS, 1)))  # what the first run of anything costs
    function = gradients.get_concrete_function(tf.TensorSpec((steps, ROWS, 1)))
    before = peak()
    tf.nest.map_structure(lambda gradient: gradient.numpy(), function(tf.zeros((steps, ROWS, 1))))
    print(peak() - before)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
