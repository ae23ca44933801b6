"""The report: whole, readable without anything else, and honest about what was not shown."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.answer import answer
from echo_rnn.benchmark.report.grid import describe_shape, varying
from echo_rnn.benchmark.report.results import ONE, Interval, Noise, NoiseKind, ShapeResult
from echo_rnn.errors import UserError
from echo_rnn.stages.pictures import BESIDE_PEERS, PICTURES
from echo_rnn.stages.report import summary, write_report
from tests.plots.benchmark_results import SEED, SWEEPS, result, strategy, wrong

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


# One picture is enough where pictures are not in question.
FEW = [each for each in PICTURES if each.name == "speedup"]


def written(folder: Path, results: list[ShapeResult], name: str = "sweep", question: str = "What wins?", kinds=FEW):
    paths = write_report(name, answer(question, results), folder, kinds)
    return paths, Page(paths[0].read_text(encoding="utf-8"))


SMALL = [
    result(replace(SEED, window=window), [strategy("dynamic"), strategy("static"), wrong("block")])
    for window in (5, 10)
]


@pytest.mark.parametrize("sweep", ["static_vs_dynamic", "quick", "deepbench"])
def test_the_page_is_well_formed_and_holds_every_strategy_and_shape(sweep: str, tmp_path: Path) -> None:
    results = SWEEPS[sweep]()
    _, page = written(tmp_path, results)
    text = page.text("th", "td")
    fields = varying(results)
    for each in results:
        assert not fields or describe_shape(each.shape, fields) in text
        assert all(own.label in text for own in each.contestants)
    verdicts = re.findall(r"^(?:faster|slower|wrong|reference|no difference shown)$", text, re.M)
    assert len(verdicts) >= sum(len(each.contestants) for each in results)


def test_the_answer_comes_before_its_table_the_pictures_and_the_numbers(tmp_path: Path) -> None:
    _, page = written(tmp_path, SMALL, kinds=PICTURES)
    names = [attributes["id"] for attributes in page.every("section")]
    pictures = [each.name for each in PICTURES if each.name in names]
    assert names == ["answer", "verdicts", *pictures, "trust", "numbers", "machine", "method"]
    assert pictures[:2] == ["overview", "speedup"]
    assert page.text("h1") == "What wins?"
    assert page.text("p").splitlines()[1:2] == words.sentences(answer("What wins?", SMALL))[:1]


def test_pictures_stand_in_the_page_and_beside_it(tmp_path: Path) -> None:
    paths, page = written(tmp_path, SMALL, kinds=PICTURES)
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
        SEED, [strategy("dynamic"), strategy(HOSTILE), wrong(HOSTILE + "2")], environment={HOSTILE: HOSTILE}
    )
    _, page = written(tmp_path, [hostile], name=HOSTILE, question=HOSTILE)
    assert not page.every("script")
    everything = page.text()
    for tag in ("title", "h1", "p", "strong", "dt", "dd", "th"):
        assert HOSTILE in page.text(tag), tag
    assert "&lt;" not in everything


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    one, _ = written(tmp_path / "one", SMALL)
    two, _ = written(tmp_path / "two", SMALL)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_picture_that_this_report_does_not_have_is_deleted_and_other_files_stay(tmp_path: Path) -> None:
    paths, _ = written(tmp_path, SMALL)
    assert tmp_path / "speedup.png" in paths
    (tmp_path / "own.png").write_bytes(b"")
    paths, _ = written(tmp_path, SMALL[:1])
    assert tmp_path / "speedup.png" not in paths
    assert sorted(tmp_path.iterdir()) == sorted([*paths, tmp_path / "own.png"])


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch) -> None:
    paths, _ = written(tmp_path, SMALL)
    before = paths[0].read_bytes()

    def refuse(*_: object) -> str:
        raise UserError("no")

    monkeypatch.setattr(words, "facts", refuse)
    with pytest.raises(UserError):
        written(tmp_path, SMALL, question="new")
    assert paths[0].read_bytes() == before


def test_what_is_wrong_is_reported_with_its_error(tmp_path: Path) -> None:
    _, page = written(tmp_path, SMALL)
    assert "block at T = 5 (largest error 0.37)" in page.text("strong")
    _, page = written(tmp_path, [result(SEED, [strategy("dynamic"), strategy("static")])])
    assert page.text("strong") == ""


@pytest.mark.parametrize("control", [Interval(1.05, 1.01, 1.09), Interval(0.95, 0.91, 0.99)])
def test_the_control_is_judged_by_its_interval(tmp_path: Path, control: Interval) -> None:
    missing = replace(SMALL[0], control=control)
    _, page = written(tmp_path, [missing, SMALL[1]])
    assert "1 of 2 shapes" in page.text("p")
    assert page.text("li") == ""  # by chance alone one of twenty misses 1
    differs = replace(missing, noise=[Noise("control differs", control.estimate)])
    _, page = written(tmp_path, [differs, SMALL[1]])
    (doubt,) = page.text("li").splitlines()
    assert "T = 5" in doubt and f"{control.estimate:.3f}" in doubt
    _, page = written(tmp_path, SMALL)
    assert "2 of 2 shapes" in page.text("p")
    assert page.text("li") == ""


def test_noise_is_listed_with_its_number_and_the_shape_that_it_belongs_to(tmp_path: Path) -> None:
    _, page = written(tmp_path, [SMALL[0], replace(SMALL[1], noise=[Noise("processes differ", 1.73)])])
    (doubt,) = page.text("li").splitlines()
    assert "1.73" in doubt and "T = 10" in doubt


def test_a_long_list_of_doubts_is_folded(tmp_path: Path) -> None:
    _, page = written(tmp_path, [replace(SMALL[0], noise=[Noise("busy", n) for n in range(20)])])
    assert "20" in page.text("summary")


@pytest.mark.parametrize("kind", get_args(NoiseKind))
def test_every_kind_of_noise_has_a_sentence_with_its_number(kind: NoiseKind) -> None:
    assert re.search(r"1?7", words.noise_sentence(Noise(kind, 17.0 if kind != "calls spread" else 0.17, 1, 1.0)))


def test_facts_that_differ_between_shapes_are_all_named_and_processes_are_not(tmp_path: Path) -> None:
    other = replace(SMALL[1], environment=SMALL[1].environment | {"hardware.cores": "64", "process.pid": "815"})
    _, page = written(tmp_path, [SMALL[0], other])
    assert "2; 64" in page.text("dd")
    assert "process.pid" not in page.text()


def test_nothing_measured_is_a_page_too(tmp_path: Path) -> None:
    paths, page = written(tmp_path, [])
    assert [path.name for path in paths] == ["report.html"]
    assert words.sentences(answer("", []))[0] in page.text("p")


def test_a_comparison_with_peers_is_a_page_a_picture_and_numbers(tmp_path: Path) -> None:
    ours = [strategy("deferred xla", verdict="reference", speedup=ONE), strategy("dynamic graph", verdict="slower")]
    peers = [
        replace(strategy("C", speedup=Interval(2.0, 1.9, 2.1)), is_ours=False),
        replace(wrong(HOSTILE), verdict="untimed", trouble="no compiler", is_ours=False),
    ]
    compared = ShapeResult(SEED, "deferred xla", [*ours, *peers], 2, 20, {})
    paths, page = written(tmp_path, [compared], kinds=[BESIDE_PEERS])
    assert [path.name for path in paths] == ["report.html", "peers.png"]
    assert [each["id"] for each in page.every("section")][:3] == ["answer", "verdicts", "peers"]
    assert "C, which takes 0.50×" in page.text("p")
    assert "no compiler" in page.text("td")
    rows = {row["peer"]: row for row in summary([compared])}
    assert rows["C"]["ratio"] == pytest.approx({"estimate": 0.5, "low": 1 / 2.1, "high": 1 / 1.9})
    assert rows[HOSTILE]["ratio"] is None
