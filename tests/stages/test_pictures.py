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
from matplotlib.patches import Rectangle

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


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


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
        "crossover": {"static_vs_dynamic", "tensorflow_replica", "deepbench"},
        "payoff": {*SWEEPS},
        "unroll_factor": {"static_vs_dynamic", "unroll_factor", "quick"},
        "memory": {*SWEEPS} - {"quick"},
        "preparation": {"static_vs_dynamic", "unroll_factor", "layers", "long"},
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
    sweep = {"overview": "quick", "crossover": "deepbench", "unroll_factor": "unroll_factor"}.get(name, "long")
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


VERDICTS = [
    ("faster", Interval(2.5, 2.4, 2.6), "static\n2.50×\n2.40 … 2.60"),
    ("slower", Interval(0.25, 0.2, 0.4), "dynamic\n4.00×\n2.50 … 5.00"),
    ("undecided", Interval(1.01, 0.97, 1.05), "no difference\n0.97 … 1.05"),
    # More is known to a verdict than to its interval: it also has to exceed the A/A control.
    ("undecided", Interval(1.03, 1.01, 1.05), "no difference\n1.01 … 1.05"),
]


@pytest.mark.parametrize(("verdict", "speedup", "text"), VERDICTS)
def test_a_cell_of_the_map_names_the_winner(verdict: str, speedup: Interval, text: str) -> None:
    results = [
        result(replace(SEED, units=units), [strategy("dynamic"), strategy("static", verdict=verdict, speedup=speedup)])
        for units in (4, 8)
    ]
    (axes,) = drawn("crossover", results).axes
    cells = [each for each in texts(axes) if each != "not\nmeasured"]
    assert cells == [text, text]
    hatched = [bool(each.get_hatch()) for each in axes.patches if isinstance(each, Rectangle)]
    assert hatched == [verdict == "undecided"] * 2


def test_a_cell_says_that_static_is_wrong_or_was_not_measured() -> None:
    shapes = [replace(SEED, units=4), replace(SEED, units=8, batch_size=7)]
    results = [result(shape, [strategy("dynamic"), wrong("static")]) for shape in shapes]
    (axes,) = drawn("crossover", results).axes
    places = {(text.get_position(), text.get_text()) for text in axes.texts}
    assert {((0, 0), "static\nis wrong"), ((1, 1), "static\nis wrong")} <= places
    assert {((1, 0), "not\nmeasured"), ((0, 1), "not\nmeasured")} <= places


def test_the_map_has_one_panel_for_each_window_with_every_shape_in_its_place() -> None:
    results = SWEEPS["static_vs_dynamic"]()
    figure = drawn("crossover", results)
    panels_of = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels_of] == [f"T = {t}" for t in (5, 10, 15, 30, 60, 120, 240)]
    for axes, window in zip(panels_of, (5, 10, 15, 30, 60, 120, 240), strict=True):
        cells = {text.get_position(): text.get_text() for text in axes.texts if text.get_text() != "not\nmeasured"}
        for x, units in enumerate((4, 32, 128)):
            for y, rows in enumerate((5, 64)):
                (found,) = (
                    r for r in results if (r.shape.units, r.shape.batch_size, r.shape.window) == (units, rows, window)
                )
                verdict = found.of("static").verdict
                assert cells[x, y].startswith({"faster": "static", "slower": "dynamic"}.get(verdict, "no difference"))


def test_a_ring_stands_where_a_strategy_overtakes_and_a_line_crosses_there() -> None:
    dynamic = strategy("dynamic", first_call_seconds=0.5, step_seconds=0.002)
    static = strategy("static", first_call_seconds=1.5, step_seconds=0.001, break_even_steps=1001.0)
    (axes,) = (axes for axes in drawn("payoff", [result(SEED, [dynamic, static])]).axes if axes.get_lines())
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["static overtakes"].get_xydata().tolist() == [[1001.0, 1.0]]
    xs, ys = lines["static"].get_data()
    np.testing.assert_allclose((ys[0], ys[-1]), (0.5 / 1.5, 2), rtol=0.02)
    assert (ys[xs < 990] < 1).all()
    assert (ys[xs > 1010] > 1).all()


@pytest.mark.parametrize("never", [None, 0.0])
def test_no_ring_where_nothing_is_overtaken(never: float | None) -> None:
    slow = strategy("static", verdict="slower", step_seconds=0.002, break_even_steps=never)
    figure = drawn("payoff", [result(SEED, [strategy("dynamic"), slow])])
    assert not [line for line in figure.axes[0].get_lines() if "overtakes" in str(line.get_label())]


def test_of_a_large_sweep_the_middle_of_each_panel_is_shown() -> None:
    figure = drawn("payoff", SWEEPS["static_vs_dynamic"]())
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == [f"S = {units}, B = {rows}" for units in (4, 32, 128) for rows in (5, 64)]
    assert "T = 30" in figure.get_suptitle()


def test_of_many_panels_six_are_shown_from_the_first_to_the_last() -> None:
    sizes = [(units, rows) for units in (4, 8, 16) for rows in (1, 2, 3)]
    results = [each for units, rows in sizes for each in by_window(10, 20, 40, 80, units=units, batch_size=rows)]
    figure = drawn("payoff", results)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert len(set(titles)) == 6
    assert (titles[0], titles[-1]) == ("S = 4, B = 1", "S = 16, B = 3")


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
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_allclose(lines["dynamic, formula"].get_xydata(), [(10, 1), (20, 2), (40, 4)])
    np.testing.assert_allclose(lines["dynamic, measured"].get_ydata(), [3, 4096 / 2**20])
    assert lines["dynamic, measured"].get_linestyle() == "None"
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


def test_preparation_holds_trace_compile_and_graph() -> None:
    results = [
        result(
            replace(SEED, window=t),
            [strategy("static", trace_seconds=t / 10, compile_seconds=t / 100, graph_nodes=t * 7)],
        )
        for t in (10, 20)
    ]
    found = [axes.get_lines()[0].get_xydata().tolist() for axes in drawn("preparation", results).axes]
    assert found == [[[10, 1], [20, 2]], [[10, 0.1], [20, 0.2]], [[10, 70], [20, 140]]]


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(10, 4, 5), (20, 4, 5)], ""),
        ([(10, 4, 5), (10, 64, 5), (20, 4, 5), (20, 64, 5)], "; a line for each of S = 4, 64"),
        ([(10, 4, 5), (20, 4, 5), (20, 64, 8)], "; a line for each of S = 4, 64 and of B = 5, 8"),
    ],
)
def test_preparation_says_what_its_lines_are(shapes: list[tuple[int, int, int]], said: str) -> None:
    results = [
        result(replace(SEED, window=t, units=s, batch_size=b), [strategy("static", trace_seconds=1.0)])
        for t, s, b in shapes
    ]
    title = drawn("preparation", results).get_suptitle()
    assert title.partition(";")[1:] == said.partition(";")[1:]


def test_the_overview_ranks_by_time_and_says_what_is_wrong() -> None:
    strategies = [
        strategy("dynamic", step_seconds=0.002),
        wrong("block"),
        strategy("static", step_seconds=0.001, speedup=Interval(2, 1.5, 2.5)),
        strategy("keras", step_seconds=0.004, verdict="slower", speedup=Interval(0.5, 0.4, 0.6)),
    ]
    step, speedup, first = drawn("overview", [result(SEED, strategies)]).axes
    assert [label.get_text() for label in step.get_yticklabels()] == ["static", "dynamic", "keras", "block"]
    assert [bar.get_width() for bar in step.patches] == pytest.approx([1, 2, 4])
    assert [text.strip() for text in texts(step)] == ["1", "2", "4", "wrong, not timed"]
    drawn_bars = bars(speedup)
    np.testing.assert_allclose(interval_of(drawn_bars["static"], horizontal=True), [(1.5, 2.5)])
    np.testing.assert_allclose(interval_of(drawn_bars["keras"], horizontal=True), [(0.4, 0.6)])
    assert drawn_bars["keras"].lines[0].get_ydata()[0] == 2
    assert drawn_bars["static"].lines[0].get_marker() != drawn_bars["keras"].lines[0].get_marker()
    assert [bar.get_width() for bar in first.patches[:3]] == pytest.approx([0.3, 0.1, 0.1])
    assert [bar.get_x() for bar in first.patches[:3]] == pytest.approx([0, 0.3, 0.4])


def test_every_axis_has_a_name_and_its_unit() -> None:
    for name, sweep in [("speedup", "long"), ("payoff", "quick"), ("memory", "long"), ("preparation", "long")]:
        for axes in drawn(name, SWEEPS[sweep]()).axes:
            assert axes.get_xlabel(), name
            assert axes.get_ylabel(), name
