"""The article's own loop: one `Session.run` with fed state for each window.

python article.py dynamic|static PROBLEM
"""

import sys

import numpy as np
import tensorflow as tf
from article_graph import build, session, tf1

from echo_rnn.benchmark.measure.problem import Problem
from echo_rnn.benchmark.measure.worker import TRAIN, Ready, serve


def prepare(problem: Problem) -> Ready:
    """Builds the graph; it is compiled by the first call."""
    tf1.disable_eager_execution()
    optimizer = tf1.train.AdagradOptimizer(problem.learning_rate, problem.accumulator)
    written_out = sys.argv[1] == "static"
    graph = build(problem.weights, problem.batch_size, problem.window, written_out=written_out, optimizer=optimizer)
    opened = session(problem.threads)
    x_WBTI, y_WBT = problem.x_WTBI.swapaxes(1, 2), problem.y_WTB.swapaxes(1, 2)
    state = np.zeros(graph.state_L2BS.shape, np.float32)
    next_window = 0

    def run(steps):
        nonlocal state, next_window
        losses = []
        for _ in range(steps):
            fed = {graph.x_BTI: x_WBTI[next_window], graph.y_BT: y_WBT[next_window], graph.state_L2BS: state}
            loss, _, state, _ = opened.run(graph.fetched, fed)
            losses.append(loss)
            next_window = (next_window + 1) % problem.windows
        return losses

    return Ready({TRAIN: run}, 1, f"tensorflow {tf.__version__}")


serve(prepare)
