"""MLflow's pages in a real browser: the links that a sweep prints open charts of its runs."""

import re
import socket

import pytest
from screenshot import CHART, chromium, pages, take

from echo_rnn.errors import UserError
from tests.refusals import refused


@pytest.fixture
def browser():
    pytest.importorskip("playwright", reason="the dependency group `test` brings it")
    try:
        return chromium()
    except UserError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_links_of_a_sweep_open_charts_of_its_runs(project, browser, tmp_path):
    answer = project.must("python", "-m", "pipelines.benchmark", "-m", "sweep=debug", "benchmark.rounds=3")
    links = re.findall(r"^(?:compare|parallel coordinates): (\S+)$", answer.out, re.MULTILINE)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pages(port, project.folder):
        for link, kind in zip(links, (CHART, ".parcoords"), strict=True):
            image = tmp_path / "page.png"
            take(re.sub(r":\d+/", f":{port}/", link, count=1), image, f"{CHART} {kind}" if kind != CHART else kind)
            assert image.stat().st_size > 20_000  # an empty page is smaller


def test_a_missing_browser_is_refused(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    with refused("screenshot.no_browser", "CHROMIUM"):
        chromium()
