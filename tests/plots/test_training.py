import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.figure import Figure

from echo_rnn.plots import training_curves
from echo_rnn.plots.training import binned

# A warning here is a picture with something missing.
pytestmark = pytest.mark.filterwarnings("error")

SIZES = [1, 2, 3, 100, 4_001, 66_600]
VALIDATION = [(500, 0.5, 0.7), (1000, 0.05, 0.99)]


def falling(steps: int) -> np.ndarray:
    return np.geomspace(0.7, 1e-4, steps) * np.random.default_rng(1).uniform(0.5, 1.5, steps)


def drawn(steps: int = 1000, **changes: object) -> Figure:
    given = {"losses_N": falling(steps), "scores_N": np.linspace(0.5, 1, steps), "windows": 250} | changes
    return training_curves(**given)


def line(axes, label: str):
    (found,) = (each for each in axes.get_lines() if str(each.get_label()).startswith(label))
    return found


@pytest.mark.parametrize("steps", SIZES)
def test_every_step_is_in_exactly_one_bin(steps: int) -> None:
    edges = binned(falling(steps)).edges
    assert edges[0] == 1
    assert edges[-1] == steps + 1
    assert (np.diff(edges) > 0).all()
    assert len(edges) <= 241


@pytest.mark.parametrize("steps", SIZES)
def test_a_bin_shows_what_its_steps_gave(steps: int) -> None:
    values = falling(steps)
    bins = binned(values)
    for i in {0, len(bins.mean) // 2, len(bins.mean) - 1}:
        piece = values[bins.edges[i] - 1 : bins.edges[i + 1] - 1]
        assert bins.low[i] == piece.min()
        assert bins.mean[i] == pytest.approx(piece.mean())
        assert bins.high[i] == piece.max()
    assert (bins.low <= bins.fifth).all()
    assert (bins.fifth <= bins.ninety_fifth).all()
    assert (bins.ninety_fifth <= bins.high).all()
    assert ((bins.edges[:-1] <= bins.steps) & (bins.steps < bins.edges[1:])).all()


def test_curves_hold_the_means_and_bands_of_loss_and_accuracy() -> None:
    losses, accuracies = falling(1000), np.linspace(0.5, 1, 1000)
    figure = drawn(losses_N=losses, scores_N=accuracies)
    for axes, values in zip(figure.axes, (losses, accuracies), strict=True):
        bins = binned(values)
        np.testing.assert_array_equal(line(axes, "mean").get_xydata(), np.column_stack([bins.steps, bins.mean]))
        every, most = (each for each in axes.collections if isinstance(each, FillBetweenPolyCollection))
        for band, low, high in ((every, bins.low, bins.high), (most, bins.fifth, bins.ninety_fifth)):
            ys = band.get_paths()[0].vertices[:, 1]
            assert (ys.min(), ys.max()) == (low.min(), high.max())


def test_validation_points_and_ceiling_stand_where_they_were_given() -> None:
    loss, accuracy = drawn(validation=VALIDATION, ceiling=0.998).axes
    np.testing.assert_array_equal(line(loss, "validation").get_xydata(), [(500, 0.5), (1000, 0.05)])
    np.testing.assert_array_equal(line(accuracy, "validation").get_xydata(), [(500, 0.7), (1000, 0.99)])
    ceiling = line(accuracy, "best predictor")
    assert list(ceiling.get_ydata()) == [0.998, 0.998]
    assert "0.99800" in ceiling.get_label()


def test_nothing_is_drawn_that_was_not_given() -> None:
    loss, accuracy = drawn().axes
    assert len(loss.get_lines()) == len(accuracy.get_lines()) == 1


def test_the_second_axis_counts_epochs() -> None:
    figure = drawn(windows=250)
    figure.draw_without_rendering()
    loss = figure.axes[0]
    (epochs,) = loss.child_axes
    np.testing.assert_allclose(epochs.get_xlim(), np.array(loss.get_xlim()) / 250)
    assert "epoch" in epochs.get_xlabel()


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        (falling(1000), "log"),
        (np.linspace(0.7, 0.6, 1000), "linear"),
        (np.linspace(0.7, 0.0, 1000).round(1), "linear"),
    ],
)
def test_the_loss_axis_is_logarithmic_where_the_loss_falls_by_decades_and_nothing_is_0(losses, scale: str) -> None:
    assert drawn(losses_N=losses).axes[0].get_yscale() == scale


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_shortest_trainings_can_be_drawn(steps: int) -> None:
    drawn(steps, windows=1, validation=[(steps, 0.1, 1.0)], ceiling=1.0).draw_without_rendering()


def test_axes_say_what_they_show_and_in_which_unit() -> None:
    loss, accuracy = drawn().axes
    assert "nats" in loss.get_ylabel()
    assert accuracy.get_ylabel() == "accuracy"
    assert "training step" in accuracy.get_xlabel()
