"""Control comes back about twice a second, whatever a window costs."""

import pytest

from echo_rnn.training.loop import Pace


@pytest.mark.parametrize("seconds_per_window", [1e-6, 1e-4, 0.01])
def test_calls_grow_to_half_a_second(seconds_per_window):
    pace = Pace()
    for _ in range(6):
        count = pace.next(10**9)
        pace.measured(count, count * seconds_per_window)
    assert pace.next(10**9) * seconds_per_window == pytest.approx(0.5, rel=0.05)


def test_never_more_than_remain_and_never_none():
    pace = Pace()
    assert pace.next(3) == 3
    pace.measured(3, 1e9)  # the machine was asleep
    assert pace.next(100) == 1
    pace.measured(1, 0.0)
    assert 1 < pace.next(10**9) <= 100
