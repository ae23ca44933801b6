"""The orders that the drawings show, held against the strategies themselves.

They run eagerly on a toy cell with its input as its output. The input at time step t is t + 1, so that every layer can
read its time step from its input; 0 is an idle cell of a wave.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
import tensorflow as tf
from drawings import orders

from echo_rnn.core.cells import Rnn
from echo_rnn.core.cells.cell import CellWeights
from echo_rnn.core.unroll.checkpointed import Checkpointed
from echo_rnn.core.unroll.deferred import deferred
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.partial import Partial
from echo_rnn.core.unroll.static import static
from echo_rnn.core.unroll.wavefront import wavefront
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from echo_rnn.core.unroll.window import window

LAYERS, STEPS = 3, 7


@dataclass(frozen=True)
class Recorder(Rnn):
    """A cell that logs when it runs, and at which time steps of which layers."""

    layer: int = 0
    log: list = field(default_factory=list)

    def project(self, weights, x):
        if x.shape == (STEPS, 1, 1):
            self.log.append(("project", self.layer, ()))
        return x

    def input_gradients(self, weights, x, d_z):
        return tf.zeros_like(weights.kernel_IG), tf.zeros_like(weights.bias)

    def recur(self, weights, z, state):
        self.log.append(("forward", self.layer, steps_in(z)))
        h = passing(z, lambda: self.log.append(("backward", self.layer, steps_in(z))))
        return h, (h,)

    def forward_with_residuals(self, weights, z, state):
        self.log.append(("forward", self.layer, steps_in(z)))
        return (z,), z

    def local_jacobian(self, residuals, before, after):
        return (residuals,)

    def backward(self, weights, jacobian, d_after):
        self.log.append(("backward", self.layer, steps_in(jacobian[0])))
        return tf.zeros_like(jacobian[0]), tuple(tf.zeros_like(part) for part in d_after)

    def recurrent_gradients(self, weights, residuals, before, d_z):
        self.log.append(("product", self.layer, ()))
        return tf.zeros_like(weights.recurrent_SG), tf.zeros_like(weights.bias)


def steps_in(z) -> tuple[int, ...]:
    """The time step of each layer that is computed at once; -1 for an idle one."""
    return tuple(z.numpy().reshape(-1).astype(int) - 1)


def passing(z, on_backward):
    @tf.custom_gradient
    def identity(z):
        def gradient(d):
            on_backward()
            return d

        return tf.identity(z), gradient

    return identity(z)


def logged(strategy) -> list:
    """What the strategy does with a window, forward and backward."""
    log: list = []
    cells = [Recorder(1, layer=layer, log=log) for layer in range(LAYERS)]
    weights = [CellWeights(tf.ones((1, 1)), tf.ones((1, 1)), tf.zeros(1)) for _ in cells]
    x_TBI = tf.reshape(tf.range(1.0, STEPS + 1), (STEPS, 1, 1))
    state = tuple((tf.zeros((1, 1)),) for _ in cells)
    with tf.GradientTape() as tape:
        tape.watch((weights, x_TBI))
        h_TBS, _ = strategy(cells, weights, window(x_TBI), state)
    tape.gradient(h_TBS, (weights, x_TBI), unconnected_gradients="zero")
    np.testing.assert_array_equal(h_TBS, x_TBI)
    return log


def order_of(entries) -> np.ndarray:
    """The place of each cell, one cell after another."""
    order_LT = np.zeros((LAYERS, STEPS), int)
    for place, (_, layer, (t,)) in enumerate(entries, start=1):
        assert order_LT[layer, t] == 0, "computed twice"
        order_LT[layer, t] = place
    return order_LT


@pytest.mark.parametrize(
    ("strategy", "walk"),
    [
        (static, orders.static(LAYERS, STEPS)),
        (dynamic, orders.dynamic(LAYERS, STEPS)),
        (Partial(3), orders.partial(LAYERS, STEPS, 3)),
    ],
)
def test_step_by_step(strategy, walk) -> None:
    entries = [entry for entry in logged(strategy) if entry[0] == "forward"]
    np.testing.assert_array_equal(order_of(entries), walk.order_LT)


def test_deferred() -> None:
    walk = orders.deferred(LAYERS, STEPS)
    log = logged(deferred)
    forward = [entry for entry in log if entry[0] in ("forward", "project")]
    assert_places(forward, walk, product="project")
    # `input_gradients` computes the product of W, `recurrent_gradients` that of U, which is the one in the log.
    assert_places([entry for entry in log if entry[0] in ("backward", "product")], walk.backward(), product="product")


def assert_places(entries, walk, product: str) -> None:
    places = {("cell", layer, t): walk.order_LT[layer, t] for layer in range(LAYERS) for t in range(STEPS)}
    places |= {("product", layer, None): place for layer, place in enumerate(walk.product_L)}
    found = [("product", layer, None) if kind == product else ("cell", layer, at[0]) for kind, layer, at in entries]
    assert found == sorted(places, key=places.__getitem__)


@pytest.mark.parametrize("strategy", [wavefront, wavefront_deferred])
def test_waves(strategy) -> None:
    waves = [entry[2] for entry in logged(strategy) if entry[0] == "forward"]
    assert_waves(waves, orders.wavefront(LAYERS, STEPS))


def test_waves_back_and_the_product_after_them() -> None:
    log = [entry for entry in logged(wavefront_deferred) if entry[0] in ("backward", "product")]
    waves = [entry[2] for entry in log if entry[0] == "backward"]
    assert_waves(waves, orders.wavefront(LAYERS, STEPS).backward())
    assert log[len(waves) :] == [("product", 0, ())]


def assert_waves(waves, walk) -> None:
    assert len(waves) == walk.last
    for layer in range(LAYERS):
        for t in range(STEPS):
            assert waves[walk.order_LT[layer, t] - 1][layer] == t


@pytest.mark.parametrize("length", [None, 2, 50])
def test_checkpointed(length: int | None) -> None:
    log = [entry for entry in logged(Checkpointed(length)) if entry[0] in ("forward", "backward")]
    count = LAYERS * STEPS
    np.testing.assert_array_equal(order_of(log[:count]), orders.dynamic(LAYERS, STEPS).order_LT)
    again_LT, backward_LT = orders.checkpointed_backward(LAYERS, STEPS, length)
    for place, (kind, layer, (t,)) in enumerate(log[count:], start=1):
        if kind == "forward":
            assert again_LT[layer, t] == place
        else:
            # Within a segment the gradient tape may choose among cells that are ready.
            (segment,) = (each for each in orders.segments(STEPS, length) if t in each)
            assert place in backward_LT[:, segment]
    assert len(log) == 3 * count
