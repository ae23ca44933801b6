"""The picture of a search: every trial is drawn, over every key."""

import pytest

from echo_rnn.plots import save
from echo_rnn.plots.search import Point, search_picture

POINTS = [
    Point(0, 0.7, False, {"rate": 0.3, "units": 4, "how": "$a"}),
    Point(1, 7.0, True, {"rate": 3.0, "units": 9, "how": "b"}),
    Point(3, 0.2, False, {"rate": 0.03, "units": 16, "how": "b"}),
]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("configured", [None, 0.7])
def test_every_trial_is_drawn_over_every_key(count, configured, tmp_path):
    logarithmic = dict([("rate", True), ("units", False), ("how", False)][:count])
    figure = search_picture(POINTS, logarithmic, configured)
    course, *panels = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_xlabel() for axes in panels] == [*logarithmic]
    for axes in (course, *panels):
        drawn = sum(len(line.get_xdata()) for line in axes.get_lines() if line.get_linestyle() == "None")
        assert drawn == len(POINTS)
    assert list(course.get_lines()[0].get_ydata()) == [0.7, 0.2]
    assert panels[0].get_xscale() == "log"
    save(figure, tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 1000
