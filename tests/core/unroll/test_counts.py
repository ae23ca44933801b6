"""How often the arithmetic of a step runs, counted while it runs."""

import pytest

from echo_rnn.core.unroll.article import dynamic_rnn
from echo_rnn.core.unroll.checkpointed import Checkpointed
from echo_rnn.core.unroll.deferred import deferred
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.partial import Partial
from echo_rnn.core.unroll.static import static
from echo_rnn.core.unroll.wavefront import wavefront
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from tests.core.unroll.counting import runs


@pytest.mark.parametrize("strategy", [wavefront, wavefront_deferred])
@pytest.mark.parametrize(("steps", "layers"), [(7, 3), (1, 4), (2, 5), (6, 1)])
def test_wavefront_runs_a_wave_for_each_diagonal(strategy, steps, layers):
    assert runs(strategy, steps, (4,) * layers) == steps + layers - 1


@pytest.mark.parametrize("strategy", [static, dynamic, Partial(3), deferred, Checkpointed(), dynamic_rnn])
def test_others_run_each_layer_at_each_step(strategy):
    assert runs(strategy, 7, (4, 4)) == 7 * 2


@pytest.mark.parametrize(("strategy", "steps"), [(dynamic, 5), (Partial(4), 6), (Checkpointed(), 5), (dynamic_rnn, 5)])
def test_loop_stops_at_the_longest_row(strategy, steps):
    # Partial(4) runs the remainder of 14, two steps, and then one body.
    assert runs(strategy, 14, (4, 4), lengths=[3, 5, 0]) == steps * 2


def test_wavefront_stops_when_the_longest_row_has_ended_in_every_layer():
    assert runs(wavefront, 14, (4, 4), lengths=[3, 5, 0]) == 5 + 2 - 1
