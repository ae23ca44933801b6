"""Rounds, calibration, warming up and the budget, on a clock that only the calls themselves move."""

import gc
from collections import Counter
from itertools import pairwise

import pytest

from echo_rnn.benchmark.measure.timing import Job, Rounds, measure, warm_up


class World:
    """A clock, and calls that take known times on it."""

    def __init__(self):
        self.now = 1000.0
        self.calls = []

    def clock(self):
        return self.now

    def run(self, name, seconds):
        """A call of `seconds` for each step; `seconds` may depend on how many calls of it there were."""
        count = Counter()

        def call(steps):
            count[name] += 1
            self.calls.append((name, steps))
            self.now += steps * (seconds(count[name]) if callable(seconds) else seconds)

        return call

    def measure(self, costs, rounds, **options):
        runs = {Job(*name.split()): self.run(name, seconds) for name, seconds in costs.items()}
        return measure(runs, rounds, clock=self.clock, **options)


COSTS = {"one train": 1e-4, "one forward": 3e-5, "other train": 1.7e-4, "other forward": 5e-5}


def per_step(samples, slot, kind):
    return [sample.seconds / sample.steps for sample in samples if (sample.slot, sample.kind) == (slot, kind)]


def test_every_job_is_measured_once_in_each_round():
    _, samples = World().measure(COSTS, Rounds(7))
    assert [sample.round for sample in samples] == [number for number in range(7) for _ in COSTS]
    for number in range(7):
        own = [sample for sample in samples if sample.round == number]
        assert [sample.order for sample in own] == [0, 1, 2, 3]
        assert sorted(f"{sample.slot} {sample.kind}" for sample in own) == sorted(COSTS)


def test_the_order_is_drawn_anew_in_each_round_and_repeats_with_the_seed():
    def orders(seed):
        _, samples = World().measure(COSTS, Rounds(20, seed=seed))
        names = [(sample.slot, sample.kind) for sample in samples]
        return [tuple(names[start : start + 4]) for start in range(0, 80, 4)]

    assert orders(3) == orders(3) != orders(4)
    assert len(set(orders(3))) > 8
    assert len({order[0] for order in orders(3)}) == 4


def test_a_sample_says_what_was_called_and_how_long_it_took():
    world = World()
    warm, samples = world.measure(COSTS, Rounds(5))
    timed = world.calls[-len(samples) :]
    assert [(f"{sample.slot} {sample.kind}", sample.steps) for sample in samples] == timed
    for sample in samples:
        assert sample.steps == warm[Job(sample.slot, sample.kind)].steps
        assert sample.seconds == pytest.approx(sample.steps * COSTS[f"{sample.slot} {sample.kind}"])
    ends = [sample.start + sample.seconds for sample in samples]
    assert [sample.start for sample in samples[1:]] == pytest.approx(ends[:-1])
    assert 0 < samples[0].start < 100  # counted from the beginning of measuring


def test_a_strategy_that_is_slow_by_a_factor_is_so_in_every_sample():
    _, samples = World().measure(COSTS, Rounds(5))
    pairs = zip(per_step(samples, "other", "train"), per_step(samples, "one", "train"), strict=True)
    assert [other / one for other, one in pairs] == pytest.approx([1.7] * 5)


def test_a_machine_that_slows_down_half_way_slows_all_slots_of_a_round():
    world = World()

    def slowing(seconds):
        return lambda count: seconds * (1 if world.now < 1002.0 else 3)

    _, samples = world.measure({name: slowing(seconds) for name, seconds in COSTS.items()}, Rounds(40))
    one, other = per_step(samples, "one", "train"), per_step(samples, "other", "train")
    assert min(one) == pytest.approx(1e-4)
    assert max(one) == pytest.approx(3e-4)
    ratios = [b / a for a, b in zip(one, other, strict=True)]
    assert sum(ratio == pytest.approx(1.7) for ratio in ratios) >= 39  # all rounds but the one in which it happens


@pytest.mark.parametrize("seconds", [1e-6, 1e-4, 7e-3, 0.02, 0.5])
def test_a_call_fills_the_minimum_time_and_not_much_more(seconds):
    warm = warm_up((world := World()).run("it", seconds), 0.02, world.clock)
    # One step more or less is rounding of the clock.
    assert 0.02 - seconds < warm.steps * seconds < 0.02 + 1.01 * seconds


def test_calibration_never_overshoots_far_while_calls_are_still_slow():
    # The first call costs 50 ms whatever it does.
    world = World()
    calls = []

    def run(steps):
        calls.append(steps)
        world.now += steps * 1e-4 + (0.05 if len(calls) == 1 else 0)

    assert warm_up(run, 0.02, world.clock).steps == pytest.approx(200, abs=1)
    assert max(calls) <= 400


def test_warming_up_goes_on_until_the_time_no_longer_falls():
    def warm(seconds):
        world = World()
        return warm_up(world.run("it", seconds), 0.02, world.clock)

    steady = warm(0.03).calls
    falling = warm(lambda count: 0.03 + 0.05 * 0.7**count).calls
    assert steady <= 4
    assert 8 <= falling < 20


def test_warming_up_does_not_end_with_the_first_call_that_is_no_faster():
    world = World()
    assert warm_up(world.run("it", lambda count: 0.08 if count <= 3 else 0.04), 0.02, world.clock).calls > 4


def test_steps_grow_tenfold_at_most_where_a_call_seemed_to_take_no_time():
    world = World()
    warm_up(world.run("it", lambda count: 1e-9 if count == 1 else 1e-5), 0.02, world.clock)
    steps = [steps for _, steps in world.calls]
    assert steps[1] == 10
    assert all(after <= 10 * before for before, after in pairwise(steps))


def test_warming_up_is_bounded_where_the_time_falls_for_ever():
    world = World()
    assert warm_up(world.run("it", lambda count: 0.02 + 10 * 0.97**count), 0.02, world.clock).calls <= 30
    world = World()
    assert warm_up(world.run("it", lambda count: 5.0 * 0.9**count), 0.02, world.clock).calls <= 2


def test_a_clock_that_stands_still_ends_too():
    world = World()
    assert warm_up(world.run("it", 0.0), 0.02, world.clock).steps >= 1


SLOW = {"one train": 1.0, "one forward": 0.5}


def test_no_round_begins_that_would_end_after_the_deadline():
    world = World()
    _, samples = world.measure(SLOW, Rounds(100, budget_seconds=20))
    assert 3 < samples[-1].round + 1 < 14
    assert world.now <= 1020
    assert world.now > 1018.4


def test_three_rounds_are_measured_whatever_the_budget():
    world = World()
    _, samples = world.measure(SLOW, Rounds(100, budget_seconds=0))
    assert samples[-1].round == 2
    _, samples = World().measure(SLOW, Rounds(2))
    assert samples[-1].round == 1


def test_progress_is_told_after_each_round():
    done = []
    World().measure(COSTS, Rounds(4), on_round=done.append)
    assert done == [1, 2, 3, 4]


def test_garbage_is_not_collected_while_calls_are_timed_and_is_afterwards():
    world, seen = World(), []

    def run(steps):
        seen.append(gc.isenabled())
        world.now += steps

    assert gc.isenabled()
    measure({Job("one", "train"): run}, Rounds(3), clock=world.clock)
    assert not any(seen)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_call_that_fails_leaves_the_collector_as_it_was():
    def run(steps):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        measure({Job("one", "train"): run}, Rounds(3))
    assert gc.isenabled()
