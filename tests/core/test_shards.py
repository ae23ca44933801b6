"""Shards are compiled programs of their own, and batch rows keep their order."""

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.shards import Batch, Shards

STEPS, ROWS = 2, 6
# Sums of small whole numbers are exact in whatever order a compiler adds them.
X_TBI = tf.constant(np.random.default_rng(0).integers(1, 100, size=(STEPS, ROWS, 1)), tf.float32)
Y_TB = tf.zeros((STEPS, ROWS), tf.int32)
STATE = ((tf.range(ROWS, dtype=tf.float32)[:, None],),)


def halved(weights, batch, share):
    """Each row's state and sum; a mean, and a gradient that is not there."""
    ((before_B1,),) = batch.state
    return ((before_B1 / 2 + tf.reduce_sum(batch.x_TBI, axis=0),),), [share * tf.reduce_mean(batch.x_TBI), None]


def traced(most):
    run = Shards(halved, most)
    return tf.function(lambda *arrays: run((), Batch(*arrays))).get_concrete_function(X_TBI, Y_TB, STATE)


@pytest.mark.parametrize(("most", "programs"), [(1, 1), (2, 2), (4, 3), (5, 3), (6, 6), (9, 6)])
def test_each_shard_is_a_compiled_program_that_needs_no_other(most, programs):
    calls = [node for node in traced(most).graph.as_graph_def().node if node.attr["_XlaMustCompile"].b]
    assert len(calls) == programs
    names = {node.name for node in calls}
    assert not [node.name for node in calls if names & {name.split(":")[0] for name in node.input}]


@pytest.mark.parametrize("most", [1, 2, 4])
def test_batch_rows_keep_their_order_and_means_are_over_all(most):
    ((after_B1,),), (mean, missing) = traced(most)(X_TBI, Y_TB, STATE)
    np.testing.assert_allclose(after_B1, STATE[0][0] / 2 + tf.reduce_sum(X_TBI, axis=0), rtol=1e-6)
    np.testing.assert_allclose(mean, tf.reduce_mean(X_TBI), rtol=1e-6)
    assert missing is None
