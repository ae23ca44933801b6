"""MLflow's pages in a real browser: the links that a sweep prints open charts of its runs."""

import re
import socket

import pytest
from screenshot import chromium, pages, take

from echo_rnn.errors import UserError
from tests.refusals import refused


@pytest.fixture
def browser():
    pytest.importorskip("playwright", reason="the dependency group `test` brings it")
    try:
        return chromium()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def seen(answer, port, image):
    """What the link that a command printed shows first."""
    (link,) = re.findall(r"^compare: (\S+)$", answer.out, re.MULTILINE)
    found = take(re.sub(r":\d+/", f":{port}/", link, count=1), image)
    assert image.stat().st_size > 20_000  # an empty page is smaller
    assert not found.hidden
    return found


@pytest.mark.slow
def test_links_of_sweeps_show_the_speed_of_all_their_runs(project, browser, port, tmp_path):
    trained = project.must("python", "-m", "pipelines.train", "-m", "unroll=static,dynamic", "experiment=debug")
    measured = project.must("python", "-m", "pipelines.benchmark", "-m", "sweep=debug", "benchmark.rounds=3")
    with pages(port, project.folder):
        found = seen(trained, port, tmp_path / "trained.png")
        assert found.charts[0] == "speed/step_microseconds"
        assert sorted(name.partition("-")[0] for name in found.shown) == ["dynamic", "static"]
        found = seen(measured, port, tmp_path / "measured.png")
        assert found.charts[0] == "step/microseconds"
        with refused("screenshot.no_pages", port), pages(port, project.folder):
            pass


def test_a_missing_browser_is_refused(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    with refused("screenshot.no_browser", "CHROMIUM"):
        chromium()
