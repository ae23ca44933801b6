"""A picture of MLflow's pages as a browser shows them: how `docs/images/comparison.png` was made.

    python docs/screenshot.py LINK IMAGE

LINK is one that a sweep prints; the pages are served for it and ended afterwards. Needs the dependency group `test`
and Chromium, whose file is looked for unless the variable CHROMIUM names it.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.layout import PROJECT

CHART = ".js-plotly-plot"
"""The element in which MLflow draws a chart."""

# Without these a browser requests its own updates.
_FLAGS = ("--disable-background-networking", "--disable-component-update", "--disable-quic", "--disable-sync")
_WIDTH, _HEIGHT = 1500, 950
# MLflow opens its assistant beside the runs in a new browser.
_ASSISTANT = "[data-component-id='mlflow.assistant.chat_panel.close']"
# For each run of the list its name as far as the column shows it, and whether the charts show it.
_RUNS = """() => [...document.querySelectorAll(".ag-center-cols-container .ag-row, .ag-row")].flatMap(row => {
    const name = row.querySelector("a[href*='/runs/'] span");
    const eye = row.querySelector(".is-visibility-toggle-checkbox");
    if (!name || !eye) return [];
    const text = name.innerText, whole = name.scrollWidth || 1, box = name.closest("a");
    const part = Math.min(1, box.clientWidth / Math.max(whole, box.scrollWidth));
    return [[text.slice(0, Math.floor(text.length * part)), eye.checked]];
})"""
_PATIENCE_MS = 60_000
_SETTLING_MS = 5_000


class Seen(NamedTuple):
    """What a page shows.

    Attributes:
        charts: The titles of the charts, in their order.
        shown: The names of the runs that the charts show, in the order of the list, as the column cuts them.
        hidden: The names of those that they do not show.
    """

    charts: list[str]
    shown: list[str]
    hidden: list[str]


def take(link: str, image: Path, ready: str = CHART) -> Seen:
    """Opens `link` in headless Chromium, saves a picture once an element `ready` is there, and returns what it shows.

    Raises:
        UserError: There is no browser, or no such element after a minute.
    """
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415
    except ImportError:
        raise UserError(
            "screenshot: expected the package playwright, got none; `make test` installs it", "screenshot.no_browser"
        ) from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS, chromium_sandbox=False)
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        try:
            page.goto(link)
            page.wait_for_selector(ready, timeout=_PATIENCE_MS)
            if (close := page.locator(_ASSISTANT)).count():
                close.click()
            # The pages send requests without end, so no event shows that all is drawn.
            page.wait_for_timeout(_SETTLING_MS)
            page.screenshot(path=image, animations="disabled")
            runs = page.evaluate(_RUNS)
            return Seen(
                page.locator("h4[title]").all_inner_texts(),
                [name for name, shown in runs if shown],
                [name for name, shown in runs if not shown],
            )
        except Error as error:
            first, *_ = error.message.splitlines()
            raise UserError(
                f"screenshot: expected {ready} at {link}, got {first}; open it to see why", "screenshot.not_shown"
            ) from None
        finally:
            browser.close()


def chromium() -> str:
    """The browser's file.

    Raises:
        UserError: There is none.
    """
    file = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if file is None:
        raise UserError(
            "screenshot: expected Chromium, got none; install it, or set CHROMIUM to its file", "screenshot.no_browser"
        )
    return file


@contextmanager
def pages(port: int, project: Path = PROJECT) -> Iterator[None]:
    """MLflow's pages on the store of `project`, in the block.

    Raises:
        UserError: They did not start; the reason was printed.
    """
    command = [sys.executable, "-m", "pipelines.ui", str(port)]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        try:
            if not server.stdout.readline():
                *_, reason = server.stderr.read().strip().splitlines() or ["no word"]
                raise UserError(
                    f"screenshot: expected MLflow's pages on port {port}, got: {reason}", "screenshot.no_pages"
                )
            # So that it never waits for somebody to read.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            yield
        finally:
            server.terminate()


if __name__ == "__main__":
    with one_sentence():
        try:
            link, image = sys.argv[1:]
            port = urlsplit(link).port
        except ValueError:
            port = None
        if port is None:
            raise UserError(
                "screenshot: expected a link with a port, as a sweep prints it, and a file to write, got "
                f"{' '.join(sys.argv[1:]) or 'nothing'}",
                "screenshot.arguments",
            )
        with pages(port):
            take(link, Path(image))
