import numpy as np
import pytest
from matplotlib.patches import Rectangle, StepPatch

from echo_rnn.plots import diagnosis, echo_picture

# A warning here is a picture with something missing.
pytestmark = pytest.mark.filterwarnings("error")

WINDOW, ECHO = 5, 2
BITS = np.random.default_rng(3)
X = BITS.integers(0, 2, (3, 40), np.uint8)
Y = np.concatenate([np.zeros((3, ECHO), np.uint8), X[:, :-ECHO]], axis=1)
P = np.where(Y == 1, 0.9, 0.2)
P[0, 7] = 1 - P[0, 7]
P[2, [4, 30]] = 1 - P[2, [4, 30]]


def drawn(**changes: object):
    return echo_picture(
        **({"x_BN": X, "y_BN": Y, "p_BN": P, "window": WINDOW, "echo_step": ECHO, "steps": 20} | changes)
    )


def blocks(axes, lane: str) -> list[float]:
    (container,) = (each for each in axes.containers if each.get_label() == lane)
    return [bar.get_x() + bar.get_width() / 2 for bar in container]


def test_lanes_hold_the_bits_and_the_probabilities() -> None:
    for row, axes in enumerate(drawn().axes):
        np.testing.assert_allclose(blocks(axes, "input"), np.flatnonzero(X[row, :20]))
        np.testing.assert_allclose(blocks(axes, "target"), np.flatnonzero(Y[row, :20]))
        (steps,) = (each for each in axes.patches if isinstance(each, StepPatch))
        np.testing.assert_allclose(steps.get_data().values / 0.9, P[row, :20])
        np.testing.assert_allclose(steps.get_data().edges, np.arange(21) - 0.5)


def test_errors_are_marked_where_the_likelier_bit_is_not_the_target() -> None:
    marked = []
    for axes in drawn().axes:
        (errors,) = (each for each in axes.get_lines() if each.get_label() == "error")
        marked.append(list(errors.get_xdata()))
    assert marked == [[7], [], [4]]


def test_an_even_chance_counts_as_0_as_the_evaluation_counts_it() -> None:
    axes = drawn(x_BN=X[:1], y_BN=np.array([[0, 1] * 10]), p_BN=np.full((1, 20), 0.5)).axes[0]
    (errors,) = (each for each in axes.get_lines() if each.get_label() == "error")
    np.testing.assert_array_equal(errors.get_xdata(), np.arange(1, 20, 2))


def test_lines_stand_between_windows() -> None:
    for axes in drawn().axes:
        points = [each.get_xdata() for each in axes.get_lines()]
        lines = [xs[0] for xs in points if len(xs) == 2 and xs[0] == xs[1]]
        assert lines == [4.5, 9.5, 14.5]


def test_the_first_targets_of_a_row_are_hatched_as_beyond_its_knowledge() -> None:
    for axes in drawn().axes:
        (hatched,) = (each for each in axes.patches if isinstance(each, Rectangle) and each.get_hatch())
        assert (hatched.get_x(), hatched.get_width()) == (-0.5, ECHO)


def test_an_arrow_joins_an_input_bit_to_its_echo() -> None:
    (arrow,) = drawn().axes[0].texts
    start, end = arrow.xyann[0], arrow.xy[0]
    assert end - start == ECHO
    assert X[0, int(start)] == Y[0, int(end)] == 1


def test_as_many_rows_and_steps_are_shown_as_there_are_up_to_the_limits() -> None:
    assert len(drawn(rows=2).axes) == 2
    short = drawn(x_BN=X[:, :7], y_BN=Y[:, :7], p_BN=P[:, :7])
    assert len(short.axes) == 3
    assert short.axes[0].get_xlim() == (-0.5, 6.5)
    drawn(x_BN=X[:, :1], y_BN=Y[:, :1], p_BN=P[:, :1], echo_step=9).draw_without_rendering()


CARRIED = np.array([1.0, 1.0, 0.9, 1.0])
ZEROED = np.array([0.5, 0.4, 1.0, np.nan])
BY_LAG = np.array([0.5, 0.51, 0.99, 0.48])
CONFUSION = np.array([[1234, 5], [6, 1300]])


def test_diagnosis_holds_what_was_given() -> None:
    position, lag, confusion = diagnosis(CARRIED, ZEROED, BY_LAG, CONFUSION, ECHO).axes
    carried, zeroed, _ = position.get_lines()
    np.testing.assert_array_equal(carried.get_xydata(), np.column_stack([np.arange(4), CARRIED]))
    np.testing.assert_array_equal(zeroed.get_xydata(), np.column_stack([np.arange(4), ZEROED]))
    assert carried.get_linestyle() != zeroed.get_linestyle()
    assert carried.get_marker() != zeroed.get_marker()
    assert [bar.get_height() for bar in lag.patches] == BY_LAG.tolist()
    counts = {text.get_position(): text.get_text() for text in confusion.texts}
    assert counts == {(0, 0): "1,234", (1, 0): "5", (0, 1): "6", (1, 1): "1,300"}


def test_the_echo_step_stands_out_among_the_lags() -> None:
    lag = diagnosis(CARRIED, ZEROED, BY_LAG, CONFUSION, ECHO).axes[1]
    colors = [bar.get_facecolor() for bar in lag.patches]
    assert colors.count(colors[ECHO]) == 1
    assert any(f"echo_step = {ECHO}" in text.get_text() for text in lag.texts)


def test_a_lag_beyond_those_looked_at_and_a_class_never_seen_can_be_drawn() -> None:
    diagnosis(CARRIED, ZEROED, BY_LAG, np.array([[3, 0], [0, 0]]), echo_step=50).draw_without_rendering()
