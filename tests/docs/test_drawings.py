import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from drawings import PICTURES, STRATEGIES, orders
from drawings.reshape import ROWS, STEPS, UNITS
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/unrolling.md").read_text(encoding="utf-8")
each_picture = pytest.mark.parametrize("name", PICTURES)

WALKS = {
    "static": [orders.static(3, 9)],
    "dynamic": [orders.dynamic(3, 9)],
    "partial": [orders.partial(3, 9, 4)],
    "wavefront": [orders.wavefront(3, 9)],
    "deferred": [orders.deferred(3, 9), orders.deferred(3, 9).backward()],
    "wavefront_deferred": [orders.wavefront(3, 9), orders.wavefront(3, 9).backward()],
    "block": [orders.layer_by_layer(3, 9)],
    "keras": [orders.layer_by_layer(3, 9), orders.layer_by_layer(3, 9, unrolled=True)],
    "checkpointed": [orders.dynamic(3, 9)],
}


def numbers(figure: Figure, kind: str) -> list[tuple[str, int]]:
    """Where a number of this kind stands, and the number, in the order of drawing."""
    marked = [(text.get_gid() or "", text.get_text()) for text in figure.axes[0].texts]
    return [(gid.removeprefix(kind + " "), int(number)) for gid, number in marked if gid.startswith(kind + " ")]


def places(order_LT) -> list[tuple[str, int]]:
    return [(f"{layer} {t}", order_LT[layer, t]) for layer in range(3) for t in range(9)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_drawing_shows_the_computed_order(name: str) -> None:
    shown = numbers(STRATEGIES[name](), "cell")
    expected = [place for walk in WALKS[name] for place in places(walk.order_LT)]
    assert sorted(shown) == sorted(expected)


def test_the_backward_pass_of_checkpointed_shows_both_orders() -> None:
    figure = STRATEGIES["checkpointed"]()
    for kind, order_LT in zip(("again", "backward"), orders.checkpointed_backward(3, 9), strict=True):
        assert numbers(figure, kind) == places(order_LT)


def test_both_reshapes_count_in_c_order() -> None:
    figure = PICTURES["reshape"]()
    for layout in ("batch", "time"):
        counted = [(f"{n} {s}", n * UNITS + s) for n in range(ROWS * STEPS) for s in range(UNITS)]
        assert numbers(figure, f"tensor {layout}") == numbers(figure, f"matrix {layout}") == counted


def test_labels_flattened_from_time_major_meet_their_own_line_and_others_do_not() -> None:
    texts = {text.get_gid(): text.get_text() for text in PICTURES["labels"]().axes[0].texts}
    lines = range(ROWS * STEPS)
    assert [texts[f"label {n}"] for n in lines] == [f"y[{n // ROWS}, {n % ROWS}]" for n in lines]
    assert [texts[f"other {n}"] for n in lines] == [f"y[{n % STEPS}, {n // STEPS}]" for n in lines]


@each_picture
def test_all_text_is_inside_the_picture_and_none_overlaps_another(name: str) -> None:
    figure = PICTURES[name]()
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = {text: text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text()}
    for text, box in boxes.items():
        assert figure.bbox.x0 <= box.x0, text
        assert box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0, text
        assert box.y1 <= figure.bbox.y1, text
    assert not [(one, two) for one, two in combinations(boxes, 2) if boxes[one].overlaps(boxes[two])]


@each_picture
def test_the_page_shows_the_picture_and_the_picture_is_there_and_small(name: str) -> None:
    assert f"](images/{name}.png)" in PAGE
    assert 0 < (ROOT / f"docs/images/{name}.png").stat().st_size < 120_000


def test_the_page_shows_nothing_else() -> None:
    assert re.findall(r"\]\(images/(.*?)\.png\)", PAGE) == list(PICTURES)


def test_every_strategy_that_can_be_chosen_is_on_the_page() -> None:
    options = {path.stem for path in (ROOT / "conf/unroll").glob("*.yaml")}
    assert options
    for option in options:
        assert re.search(rf"^## {option}$|`{option}`|`unroll={option}`", PAGE, re.MULTILINE), option


def test_the_command_of_the_page_draws_every_picture(tmp_path: Path) -> None:
    without_pythonpath = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert ".venv/bin/python docs/drawings docs/images" in PAGE.splitlines()[-2]
    # As a person runs it: in a checkout, with no path of the tests.
    command = [sys.executable, "docs/drawings"]
    subprocess.run([*command, tmp_path / "images"], check=True, cwd=ROOT, env=without_pythonpath)
    assert {path.name for path in (tmp_path / "images").iterdir()} == {f"{name}.png" for name in PICTURES}
    wrong = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=without_pythonpath)
    assert wrong.returncode != 0
    assert "expected the folder" in wrong.stderr
