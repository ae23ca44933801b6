import numpy as np
import pytest
from drawings import orders
from drawings.orders import Walk

SHAPES = [(1, 1), (1, 5), (3, 1), (3, 9), (4, 2), (2, 7)]
WALKS = {
    "static": orders.static,
    "dynamic": orders.dynamic,
    "partial 1": lambda layers, steps: orders.partial(layers, steps, 1),
    "partial 4": lambda layers, steps: orders.partial(layers, steps, 4),
    "partial 50": lambda layers, steps: orders.partial(layers, steps, 50),
    "wavefront": orders.wavefront,
    "layer by layer": orders.layer_by_layer,
    "layer by layer, unrolled": lambda layers, steps: orders.layer_by_layer(layers, steps, unrolled=True),
    "deferred": orders.deferred,
}

each_walk = pytest.mark.parametrize("make", WALKS.values(), ids=WALKS)
each_shape = pytest.mark.parametrize(("layers", "steps"), SHAPES)


def assert_after_what_it_needs(order_LT: np.ndarray) -> None:
    assert (np.diff(order_LT, axis=0) > 0).all(), "a layer needs the one below at the same step"
    assert (np.diff(order_LT, axis=1) > 0).all(), "a step needs the one before in the same layer"


@each_walk
@each_shape
def test_every_cell_comes_once_and_after_what_it_needs(make, layers: int, steps: int) -> None:
    walk = make(layers, steps)
    assert walk.order_LT.shape == walk.box_LT.shape == walk.turn_LT.shape == (layers, steps)
    assert_after_what_it_needs(walk.order_LT)
    places = sorted({*walk.order_LT.flat, *walk.product_L})
    assert places == list(range(1, walk.last + 1))


@each_walk
@each_shape
def test_the_way_back_comes_to_a_cell_after_all_that_used_it(make, layers: int, steps: int) -> None:
    back = make(layers, steps).backward()
    assert_after_what_it_needs(back.order_LT[::-1, ::-1])
    assert back.order_LT[-1, -1] == 1


@each_walk
@each_shape
def test_one_box_does_one_thing_at_a_time(make, layers: int, steps: int) -> None:
    walk = make(layers, steps)
    for box in set(walk.box_LT.flat):
        turns = walk.turn_LT[walk.box_LT == box]
        together = len(set(turns)) < len(turns)
        assert not together or make is orders.wavefront, "only a wave does several cells in one turn"


@each_shape
def test_boxes_grow_as_the_page_says(layers: int, steps: int) -> None:
    boxes = {name: make(layers, steps).boxes for name, make in WALKS.items()}
    assert boxes["static"] == boxes["layer by layer, unrolled"] == layers * steps
    assert boxes["dynamic"] == boxes["partial 1"] == boxes["layer by layer"] == boxes["deferred"] == layers
    assert boxes["partial 4"] == layers * (steps % 4 + (4 if steps >= 4 else 0))
    assert boxes["partial 50"] == layers * steps
    assert boxes["wavefront"] == 1


@each_shape
def test_the_wavefront_has_t_plus_l_minus_1_waves_and_the_others_t_times_l_cells(layers: int, steps: int) -> None:
    assert orders.wavefront(layers, steps).last == steps + layers - 1
    for walk in (orders.static(layers, steps), orders.dynamic(layers, steps), orders.layer_by_layer(layers, steps)):
        assert walk.last == steps * layers


def test_partial_takes_the_remainder_first() -> None:
    assert orders.partial(1, 7, 3).turn_LT.tolist() == [[0, 1, 1, 1, 2, 2, 2]]
    assert orders.partial(1, 7, 3).box_LT.tolist() == [[0, 1, 2, 3, 1, 2, 3]]


@each_shape
def test_deferred_products_stand_before_their_layer_and_on_the_way_back_after_it(layers: int, steps: int) -> None:
    walk: Walk = orders.deferred(layers, steps)
    back = walk.backward()
    for layer in range(layers):
        assert walk.product_L[layer] == walk.order_LT[layer].min() - 1
        assert back.product_L[layer] == back.order_LT[layer].max() + 1


@pytest.mark.parametrize(("steps", "length", "sizes"), [(9, None, [3, 3, 3]), (10, None, [4, 4, 2]), (5, 50, [5])])
def test_segments_are_as_long_as_the_root_of_the_window(steps: int, length: int | None, sizes: list[int]) -> None:
    cut = orders.segments(steps, length)
    assert [len(segment) for segment in cut] == sizes
    assert [t for segment in cut for t in segment] == list(range(steps))


@each_shape
def test_checkpointed_runs_a_segment_again_and_goes_back_through_it_before_the_one_before(
    layers: int, steps: int
) -> None:
    again_LT, backward_LT = orders.checkpointed_backward(layers, steps)
    assert sorted([*again_LT.flat, *backward_LT.flat]) == list(range(1, 2 * layers * steps + 1))
    assert_after_what_it_needs(backward_LT[::-1, ::-1])
    after = 0
    for segment in reversed(orders.segments(steps)):
        again, back = again_LT[:, segment], backward_LT[:, segment]
        assert_after_what_it_needs(again)
        assert after < again.min()
        assert again.max() < back.min()
        after = back.max()
