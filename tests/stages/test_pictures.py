"""Pictures of a benchmark: they hold the numbers that were given, and nothing where there are none."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from echo_rnn.benchmark.report.grid import axis_of, describe_shape, panels, shared, varying
from echo_rnn.benchmark.report.results import Interval, ShapeResult
from echo_rnn.core.strategies import labels
from echo_rnn.plots import save
from echo_rnn.plots.looks import looks, shorten
from echo_rnn.stages.pictures import PICTURES
from tests.plots.benchmark_results import ALL, SEED, SWEEPS, result, strategy, wrong

# A warning here is a picture with something missing.
pytestmark = pytest.mark.filterwarnings("error")

DRAW: dict[str, Callable[[list[ShapeResult]], Figure | None]] = {each.name: each.draw for each in PICTURES}
HOSTILE = "<script>$\\alert{1}$</script>" * 3


def drawn(name: str, results: list[ShapeResult]) -> Figure:
    figure = DRAW[name](results)
    assert figure is not None
    figure.draw_without_rendering()
    return figure


def bars(axes: Axes) -> dict[str, ErrorbarContainer]:
    return {each.get_label(): each for each in axes.containers if isinstance(each, ErrorbarContainer)}


def interval_of(container: ErrorbarContainer, horizontal: bool = False) -> np.ndarray:
    """The ends of every interval as drawn."""
    (lines,) = container.lines[2]
    return np.array([segment[:, 0 if horizontal else 1] for segment in lines.get_segments()])


def ys(container: ErrorbarContainer) -> np.ndarray:
    return np.asarray(container.lines[0].get_ydata(), float)


def by_window(*windows: int, **changes: object) -> list[ShapeResult]:
    """Shapes that differ in T, whose speed-up of static names its window."""
    return [
        result(
            replace(SEED, window=window, **changes),
            [strategy("dynamic"), strategy("static", speedup=Interval(window / 10, window / 11, window / 9))],
        )
        for window in windows
    ]


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("name", DRAW)
def test_every_picture_of_every_sweep_can_be_drawn_or_is_left_out(name: str, sweep: str, tmp_path: Path) -> None:
    figure = DRAW[name](SWEEPS[sweep]())
    expected = {
        "overview": {"unroll_factor", "tensorflow_replica", "deepbench", "quick"},
        "speedup": {*SWEEPS} - {"quick"},
        "unroll_factor": {"static_vs_dynamic", "unroll_factor", "quick"},
        "memory": {*SWEEPS} - {"quick"},
        "first_call": {"static_vs_dynamic", "unroll_factor", "layers", "long"},
    }
    assert (figure is not None) == (sweep in expected[name])
    if figure is not None:
        figure.draw_without_rendering()


@pytest.mark.parametrize("name", DRAW)
def test_nothing_is_drawn_of_nothing(name: str) -> None:
    assert DRAW[name]([]) is None
    assert name == "overview" or DRAW[name]([result(SEED, [wrong("static"), strategy("dynamic")])]) is None


@pytest.mark.parametrize("name", DRAW)
def test_names_are_shown_as_they_are_and_wrong_strategies_do_not_stop_a_picture(name: str, tmp_path: Path) -> None:
    results = [
        result(
            replace(SEED, window=window, batch_size=rows),
            [strategy("dynamic"), wrong("static"), strategy("partial2"), strategy(HOSTILE, break_even_steps=70.0)],
        )
        for window in (5, 10)
        for rows in (1, 2)
    ]
    save(drawn(name, results), tmp_path / "picture.png")


@pytest.mark.parametrize("name", DRAW)
def test_the_same_results_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    sweep = {"overview": "quick", "unroll_factor": "unroll_factor"}.get(name, "long")
    for number in (1, 2):
        save(drawn(name, SWEEPS[sweep]()), tmp_path / f"{number}.png")
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_strategies_are_told_apart_without_colour() -> None:
    partials = [f"partial{k}" for k in (2, 3, 5, 10, 15, 16, 30)]
    found = looks((*labels(), *partials, "checkpointed5", "one's own", "another"))
    marks = [(look["marker"], look["linestyle"], look["markerfacecolor"] == "white") for look in found.values()]
    assert len(found) == len({*labels(), *partials}) + 3
    same = [(one, other) for (one, a), (other, b) in combinations(zip(found, marks, strict=True), 2) if a == b]
    assert not same


def test_a_strategy_looks_the_same_whatever_stands_beside_it() -> None:
    assert looks(ALL)["partial8"] == looks(["partial8"])["partial8"]


def test_a_dollar_sign_stays_one_and_a_long_name_is_cut() -> None:
    assert shorten("a$b$", 9) == r"a\$b\$"
    assert shorten("abcdef", 4) == "abc…"
    assert shorten("_hidden", 9) == "hidden"


def test_the_axis_is_what_some_panel_has_most_values_of() -> None:
    assert axis_of(SWEEPS["static_vs_dynamic"]()) == "window"
    assert axis_of(SWEEPS["layers"]()) == "layers"
    assert axis_of(SWEEPS["tensorflow_replica"]()) == "units"
    assert axis_of(SWEEPS["deepbench"]()) == "batch_size"
    assert axis_of(SWEEPS["quick"]()) is None


def test_panels_hold_every_shape_once_in_order() -> None:
    results = SWEEPS["static_vs_dynamic"]()
    found = panels(results[::-1], "window")
    assert [panel.title for panel in found][:2] == ["S = 4, B = 5", "S = 4, B = 64"]
    assert sorted(each.shape for panel in found for each in panel.results) == sorted(each.shape for each in results)
    for panel in found:
        assert [each.shape.window for each in panel.results] == [5, 10, 15, 30, 60, 120, 240]
    assert [panel.title for panel in panels(by_window(100, 9, 20))] == ["T = 9", "T = 20", "T = 100"]


def test_what_shapes_share_and_where_they_differ_is_named() -> None:
    results = [result(SEED, []), result(replace(SEED, units=8, compile="xla"), [])]
    assert varying(results) == ["units", "compile"]
    assert describe_shape(results[1].shape, varying(results)) == "S = 8, under XLA"
    assert shared(results) == "LSTM, L = 3, B = 5, T = 15, I = 1, float32, 2 threads"


def test_speedup_holds_estimates_intervals_and_the_control() -> None:
    results = by_window(10, 20, 40)
    (axes,) = drawn("speedup", results).axes
    (container,) = bars(axes).values()
    np.testing.assert_allclose(ys(container), [1, 2, 4])
    np.testing.assert_allclose(np.asarray(container.lines[0].get_xdata(), float), [10, 20, 40], rtol=0.03)
    np.testing.assert_allclose(interval_of(container), [(t / 11, t / 9) for t in (10, 20, 40)])
    (band,) = axes.collections[:1]
    heights = band.get_paths()[0].vertices[:, 1]
    assert {heights.min(), heights.max()} == {0.991, 1.013}
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "[time steps]" in axes.get_xlabel()


def test_speedup_has_a_panel_for_all_else_that_varies_and_a_line_for_each_strategy() -> None:
    figure = drawn("speedup", SWEEPS["static_vs_dynamic"]())
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [f"S = {units}, B = {rows}" for units in (4, 32, 128) for rows in (5, 64)]
    assert all(set(bars(axes)) == {"static", "partial8"} for axes in figure.axes)


def test_a_strategy_that_is_wrong_somewhere_has_a_point_less() -> None:
    results = by_window(10, 20, 40)
    results[1] = replace(results[1], contestants=[strategy("dynamic"), wrong("static")])
    (container,) = bars(drawn("speedup", results).axes[0]).values()
    np.testing.assert_allclose(ys(container), [1, 4])


def test_speed_against_k_runs_from_dynamic_to_static() -> None:
    speedups = {"dynamic": 1.0, "partial4": 1.6, "partial2": 1.3, "partial99": 9.0, "partial15": 0.9, "static": 1.8}
    intervals = {label: Interval(value, value - 0.1, value + 0.2) for label, value in speedups.items()}
    intervals["dynamic"] = Interval(1, 1, 1)
    results = [result(SEED, [strategy(label, speedup=each) for label, each in intervals.items()])]
    (axes,) = drawn("unroll_factor", results).axes
    (container,) = bars(axes).values()
    np.testing.assert_allclose(container.lines[0].get_xydata(), [(1, 1.0), (2, 1.3), (4, 1.6), (15, 1.8)])
    np.testing.assert_allclose(interval_of(container), [(1, 1), (1.2, 1.5), (1.5, 1.8), (1.7, 2.0)])


def test_speed_against_k_needs_a_partial_strategy_that_was_timed() -> None:
    assert DRAW["unroll_factor"](by_window(10, 20)) is None
    assert DRAW["unroll_factor"]([result(SEED, [strategy("dynamic"), wrong("partial4")])]) is None


def test_memory_holds_what_was_measured_and_the_formula_in_mebibytes() -> None:
    given = [(10, 3 * 2**20, 2**20), (20, 0, 2 * 2**20), (40, None, 4 * 2**20)]
    results = [
        result(replace(SEED, window=t), [strategy("dynamic", memory_bytes=measured, formula_bytes=formula)])
        for t, measured, formula in given
    ]
    (axes,) = drawn("memory", results).axes
    found = {label: container.lines[0] for label, container in bars(axes).items()}
    np.testing.assert_allclose(found["dynamic"].get_xydata(), [(10, 1), (20, 2), (40, 4)])
    np.testing.assert_allclose(ys(bars(axes)["dynamic, measured"]), [3, 4096 / 2**20])
    assert found["dynamic, measured"].get_linestyle() == "None"
    assert "MiB" in axes.get_ylabel()


@pytest.mark.parametrize("windows", [(15, 16), (5, 1000)])
def test_what_is_moved_sideways_stays_near_its_place(windows: tuple[int, int]) -> None:
    labels = [f"partial{k}" for k in range(2, 12)]
    results = [result(replace(SEED, window=t), [strategy("dynamic"), *map(strategy, labels)]) for t in windows]
    span = np.log(windows[1] / windows[0])
    for name in ("speedup", "memory"):
        lines = [
            line for line in drawn(name, results).axes[0].get_lines() if line.get_marker() not in ("", "None", "|")
        ]
        places = {tuple(line.get_xdata()) for line in lines if len(line.get_xdata()) == 2}
        moved = [xs for xs in places if set(xs) != {0, 1}]
        assert len(moved) >= len(labels)
        for xs in moved:
            assert np.abs(np.log(np.array(xs, float) / windows)).max() < 0.03 * span


def test_memory_that_was_not_measured_is_not_drawn() -> None:
    results = [result(replace(SEED, window=t), [strategy("dynamic", memory_bytes=None)]) for t in (5, 10)]
    assert DRAW["memory"](results) is None


def test_the_first_call_holds_the_whole_of_it() -> None:
    results = [
        result(replace(SEED, window=t), [strategy("static", first_call_seconds=first)])
        for t, first in ((10, 1.5), (20, None), (40, 2.5))
    ]
    (axes,) = drawn("first_call", results).axes
    np.testing.assert_allclose(bars(axes)["static"].lines[0].get_xydata(), [(10, 1.5), (40, 2.5)])


def test_the_overview_ranks_by_time_and_says_what_is_wrong() -> None:
    strategies = [
        strategy("dynamic", step_seconds=0.002),
        wrong("block"),
        strategy("static", step_seconds=0.001, speedup=Interval(2, 1.5, 2.5)),
        strategy("keras", step_seconds=0.004, verdict="slower", speedup=Interval(0.5, 0.4, 0.6)),
    ]
    speedup, first = drawn("overview", [result(SEED, strategies)]).axes
    names = [label.get_text() for label in speedup.get_yticklabels()]
    assert names == ["static  1 ms", "dynamic  2 ms", "keras  4 ms", "block  wrong"]
    drawn_bars = bars(speedup)
    assert set(drawn_bars) == {"static  1 ms", "dynamic  2 ms", "keras  4 ms"}
    static, keras = drawn_bars["static  1 ms"], drawn_bars["keras  4 ms"]
    np.testing.assert_allclose(interval_of(static, horizontal=True), [(1.5, 2.5)])
    np.testing.assert_allclose(interval_of(keras, horizontal=True), [(0.4, 0.6)])
    assert keras.lines[0].get_ydata()[0] == 2
    assert static.lines[0].get_marker() != keras.lines[0].get_marker()
    assert [bar.get_width() for bar in first.patches[:3]] == pytest.approx([0.3, 0.1, 0.1])
    assert [bar.get_x() for bar in first.patches[:3]] == pytest.approx([0, 0.3, 0.4])


def test_panels_name_their_axes_and_units_at_the_edge() -> None:
    for name, sweep in [("speedup", "long"), ("unroll_factor", "quick"), ("memory", "long"), ("first_call", "long")]:
        for axes in drawn(name, SWEEPS[sweep]()).axes:
            assert axes.get_xlabel(), name
            assert axes.get_ylabel(), name
    axes = [each for each in drawn("speedup", SWEEPS["static_vs_dynamic"]()).axes if each.get_visible()]
    assert [bool(each.get_xlabel()) for each in axes] == [False] * 3 + [True] * 3
    assert [bool(each.get_ylabel()) for each in axes] == [True, False, False] * 2
