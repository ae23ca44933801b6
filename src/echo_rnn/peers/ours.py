"""Our contestant: a strategy in the loop over windows that training uses.

python -m echo_rnn.peers.ours STRATEGY COMPILE PROBLEM
"""

import sys
from dataclasses import replace
from typing import cast

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.config.network import unroll_of
from echo_rnn.core.compilation import Compile
from echo_rnn.core.fused_loops import routine_bytes
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.peers.problem import Problem
from echo_rnn.peers.worker import Ready, serve


def prepare(problem: Problem) -> Ready:
    """Builds the program; it is compiled by its first run."""
    _, label, compiled, _ = sys.argv
    start_tensorflow(problem.threads, routine_bytes=routine_bytes([problem.units], unroll_of(label)))
    import tensorflow as tf  # noqa: PLC0415 (it has its threads now)

    from echo_rnn.benchmark.measure.workload import Data, Program  # noqa: PLC0415
    from echo_rnn.core.unroll import named  # noqa: PLC0415

    data = Data(tf.constant(problem.x_WTBI), tf.constant(problem.y_WTB))
    program = Program(_shape(problem, cast("Compile", compiled)), named(label), data, seed=0)
    program.restart(replace(program.learner.snapshot(), weights=problem.weights))
    return Ready(program.train, 1, f"tensorflow {tf.__version__}")


def _shape(problem: Problem, compiled: Compile) -> Shape:
    return Shape(
        cell="lstm",
        layers=problem.layers,
        units=problem.units,
        batch_size=problem.rows,
        window=problem.window,
        inputs=problem.inputs,
        precision="float32",
        compile=compiled,
        threads=problem.threads,
    )


if __name__ == "__main__":
    serve(prepare)
