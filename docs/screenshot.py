"""A picture of MLflow's pages as a browser shows them: how `docs/images/comparison.png` was made.

    python docs/screenshot.py LINK IMAGE

LINK is one that a sweep prints; the pages are served for it and ended afterwards. Needs the dependency group `test`
and Chromium, whose file is looked for unless the variable CHROMIUM names it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
_PATIENCE_MS = 60_000
_SETTLING_MS = 5_000


def take(link: str, image: Path, ready: str = CHART) -> None:
    """Opens `link` in headless Chromium and saves a picture once an element `ready` is there.

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
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            if not server.stdout.readline():
                raise UserError(
                    f"screenshot: expected MLflow's pages on port {port}, got none; see above", "screenshot.no_pages"
                )
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
