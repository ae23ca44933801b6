import numpy as np
import pytest

from echo_rnn.plots import real_diagnosis, worst_picture

# A warning here is a picture with something missing.
pytestmark = pytest.mark.filterwarnings("error")

Y = np.random.default_rng(0).normal(size=(50, 4))
SERIES = {"target": Y, "prediction": Y + 0.1, "linear filter": Y - 0.2}
NAMES = ("level", "flow", "heat", "wind")


def test_the_worst_place_shows_all_three_series_of_at_most_three_targets_from_its_first_step():
    axes = worst_picture(SERIES, 700, 2, NAMES, 44100).axes
    assert [each.get_ylabel() for each in axes] == ["level", "flow", "heat"]
    for index, each in enumerate(axes):
        lines = {line.get_label(): line for line in each.get_lines()}
        assert set(lines) == set(SERIES)
        for name, line in lines.items():
            np.testing.assert_array_equal(line.get_xdata(), 700 + np.arange(50))
            np.testing.assert_array_equal(line.get_ydata(), SERIES[name][:, index])


@pytest.mark.parametrize("rate", [44100, None])
def test_a_diagnosis_shows_errors_by_position_spectra_and_scores_beside_baselines(rate):
    spectra = np.linspace(0, 0.5, 9), np.ones(9), np.full(9, 0.01)
    scores = {"network": -31.0, "persistence": -6.0, "linear filter": -8.9}
    position, spectrum, bars = real_diagnosis(np.full(7, 0.1), np.linspace(1, 0.1, 7), spectra, scores, rate).axes
    assert [len(line.get_xdata()) for line in position.get_lines()] == [7, 7]
    assert spectrum.get_lines()[0].get_xdata()[-1] == 0.5 * (rate or 1)
    assert [bar.get_width() for bar in bars.patches] == list(scores.values())


@pytest.mark.parametrize("errors_T", [np.zeros(5), np.full(5, np.nan)])
def test_a_diagnosis_without_errors_targets_or_spectra_is_drawn(errors_T):
    figure = real_diagnosis(errors_T, errors_T, None, {}, None)
    figure.canvas.draw()
    assert len(figure.axes) == 3
