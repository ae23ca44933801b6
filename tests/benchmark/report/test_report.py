"""The report: whole, readable without anything else, and honest about what was not shown."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from echo_rnn.benchmark.report import writer as report
from echo_rnn.benchmark.report.results import Interval, ShapeResult
from echo_rnn.benchmark.report.writer import write_report
from echo_rnn.errors import UserError
from tests.plots.benchmark_results import ALL, SEED, SWEEPS, result, strategy, wrong

HOSTILE = "</td><script>alert('x')</script>\"onload=\"&amp;"
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Every element must be closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data))

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, *tags: str) -> str:
        return "\n".join(text for tag, text in self.texts if not tags or tag in tags)


@pytest.fixture
def few(monkeypatch) -> None:
    """One picture is enough where pictures are not in question."""
    monkeypatch.setattr(report, "PICTURES", [each for each in report.PICTURES if each.name == "speedup"])


def rows_of(results: list[ShapeResult]) -> list[dict[str, object]]:
    return [
        {"shape": each.shape.key, "strategy": own.label, "training step": own.step_seconds, "verdict": own.verdict}
        for each in results
        for own in each.strategies
    ]


def written(folder: Path, results: list[ShapeResult], **changes: object) -> tuple[list[Path], Page]:
    given = {"name": "sweep", "description": "What wins?", "summary": "One.\n\nTwo.", "rows": rows_of(results)}
    paths = write_report(results=results, folder=folder, **(given | changes))
    return paths, Page(paths[0].read_text(encoding="utf-8"))


SMALL = [
    result(replace(SEED, window=window), [strategy("dynamic"), strategy("static"), wrong("block")])
    for window in (5, 10)
]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("sweep", ["static_vs_dynamic", "quick", "deepbench"])
def test_the_page_is_well_formed_and_holds_every_strategy_and_shape(sweep: str, tmp_path: Path) -> None:
    results = SWEEPS[sweep]()
    _, page = written(tmp_path, results)
    text = page.text("th", "td")
    for each in results:
        assert each.shape.key in text
        assert all(own.label in text for own in each.strategies)
    assert len(re.findall(r"^(?:faster|slower|wrong|reference|no difference shown)$", text, re.M)) == sum(
        len(each.strategies) for each in results
    )


@pytest.mark.usefixtures("few")
def test_the_summary_stands_before_all_else_in_its_paragraphs(tmp_path: Path) -> None:
    _, page = written(tmp_path, SMALL)
    assert page.text("h2").splitlines()[0] == "In short"
    assert page.text("p").splitlines()[:3] == ["What wins?", "One.", "Two."]


def test_pictures_stand_in_the_page_and_beside_it(tmp_path: Path) -> None:
    paths, page = written(tmp_path, SMALL)
    assert paths == [tmp_path / f"{name}" for name in ("report.html", *(path.name for path in paths[1:]))]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    images = page.every("img")
    assert len(images) == len(paths) - 1 > 3
    for image, path in zip(images, paths[1:], strict=True):
        kind, _, data = str(image["src"]).partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True) == path.read_bytes()
        assert image["alt"]
    assert len(page.every("figcaption")) == len(images)


@pytest.mark.usefixtures("few")
def test_nothing_outside_the_page_is_referred_to(tmp_path: Path) -> None:
    paths, page = written(tmp_path, SMALL)
    allowed = {"src", "content", "href"}
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in allowed & set(attributes):
            value = str(attributes[name])
            assert name == "content" or value.startswith(("data:image/png;base64,", "#"))
    text = re.sub(r"data:image/png;base64,[\w+/=]+", "", paths[0].read_text(encoding="utf-8"))
    assert not re.search(r"https?:|//|url\(|@import", text)


def test_hostile_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    hostile = result(
        SEED,
        [strategy("dynamic"), strategy(HOSTILE), wrong(HOSTILE + "2")],
        noise=[HOSTILE],
        environment={HOSTILE: HOSTILE},
    )
    rows = [{HOSTILE: HOSTILE, "strategy": HOSTILE}]
    _, page = written(tmp_path, [hostile], name=HOSTILE, description=HOSTILE, summary=HOSTILE, rows=rows)
    assert not page.every("script")
    everything = page.text()
    for tag in ("title", "h1", "p", "li", "dt", "dd", "th", "td"):
        assert HOSTILE in page.text(tag), tag
    assert "&lt;" not in everything


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    one, _ = written(tmp_path / "one", SMALL)
    two, _ = written(tmp_path / "two", SMALL)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


@pytest.mark.usefixtures("few")
def test_a_picture_that_this_report_does_not_have_is_deleted_and_other_files_stay(tmp_path: Path) -> None:
    paths, _ = written(tmp_path, SMALL)
    assert tmp_path / "speedup.png" in paths
    (tmp_path / "own.png").write_bytes(b"")
    paths, _ = written(tmp_path, SMALL[:1])
    assert tmp_path / "speedup.png" not in paths
    assert sorted(tmp_path.iterdir()) == sorted([*paths, tmp_path / "own.png"])


@pytest.mark.usefixtures("few")
def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch) -> None:
    paths, _ = written(tmp_path, SMALL)
    before = paths[0].read_bytes()

    def refuse(*_: object) -> str:
        raise UserError("no")

    monkeypatch.setattr(report, "_method", refuse)
    with pytest.raises(UserError):
        written(tmp_path, SMALL, summary="new")
    assert paths[0].read_bytes() == before


@pytest.mark.usefixtures("few")
def test_what_is_wrong_is_said_with_its_error(tmp_path: Path) -> None:
    _, page = written(tmp_path, SMALL)
    assert "Wrong, and therefore not timed:" in page.text("strong")
    assert "block at T = 5: largest error 0.37" in page.text("li")
    _, page = written(tmp_path, [result(SEED, [strategy("dynamic"), strategy("static")])])
    assert "Wrong" not in page.text("strong", "p", "li")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("control", [Interval(1.05, 1.01, 1.09), Interval(0.95, 0.91, 0.99)])
def test_the_control_is_judged_by_its_interval(tmp_path: Path, control: Interval) -> None:
    missing = replace(SMALL[0], control=control)
    _, page = written(tmp_path, [missing, SMALL[1]])
    assert "holds 1 at 1 of 2 shapes" in page.text("p")
    numbers = f"{control.estimate:.3f} ({control.low:.3f} to {control.high:.3f})"
    assert f"The control misses 1 at T = 5: {numbers}." in page.text("li")
    assert "No sign of a noisy machine" not in page.text("p")
    _, page = written(tmp_path, SMALL)
    assert "holds 1 at 2 of 2 shapes" in page.text("p")
    assert "No sign of a noisy machine" in page.text("p")


@pytest.mark.usefixtures("few")
def test_noise_is_passed_on_with_the_shape_that_it_belongs_to(tmp_path: Path) -> None:
    _, page = written(tmp_path, [SMALL[0], replace(SMALL[1], noise=["It drifted."])])
    assert "It drifted. (T = 10)" in page.text("li")


@pytest.mark.usefixtures("few")
def test_a_long_list_of_doubts_is_folded(tmp_path: Path) -> None:
    _, page = written(tmp_path, [replace(SMALL[0], noise=[f"Reason {n}." for n in range(20)])])
    assert "20 reasons not to trust small differences" in page.text("summary")


@pytest.mark.usefixtures("few")
def test_facts_that_differ_between_shapes_are_all_named_and_processes_are_not(tmp_path: Path) -> None:
    other = replace(SMALL[1], environment=SMALL[1].environment | {"hardware.cores": "64", "process.pid": "815"})
    _, page = written(tmp_path, [SMALL[0], other])
    assert "2; 64" in page.text("dd")
    assert "process.pid" not in page.text()


@pytest.mark.usefixtures("few")
def test_missing_numbers_are_a_dash_and_floats_are_rounded(tmp_path: Path) -> None:
    rows = [{"strategy": "a", "x": 1 / 3}, {"strategy": "b", "y": None}]
    _, page = written(tmp_path, SMALL, rows=rows)
    cells = page.text("td").splitlines()
    assert cells[:4] == ["0.3333", "–", "–", "–"]


def test_nothing_measured_is_a_page_too(tmp_path: Path) -> None:
    paths, page = written(tmp_path, [], summary="Nothing has been measured yet.", rows=[])
    assert [path.name for path in paths] == ["report.html"]
    assert "Nothing has been measured yet." in page.text("p")


def test_the_real_words_and_rows_fit(tmp_path: Path) -> None:
    words = pytest.importorskip("echo_rnn.benchmark.report.words")
    results = SWEEPS["quick"]()
    _, page = written(tmp_path, results, summary=words.summary(results), rows=words.table(results))
    assert all(label in page.text("th") for label in ALL)
