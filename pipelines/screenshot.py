"""A picture of MLflow's pages as a browser shows them: how `docs/images/comparison.png` was made.

    python -m pipelines.screenshot LINK IMAGE

LINK is one that a sweep prints; the pages are started for it and ended afterwards. Needs the dependency group `test`
and Chromium (the variable CHROMIUM names its file; else it is looked for).
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.layout import PROJECT

CHART = ".js-plotly-plot"
"""What MLflow draws its charts in."""

# A browser of its own asks the network for updates; the page is all that is wanted.
_FLAGS = ("--disable-background-networking", "--disable-component-update", "--disable-quic", "--disable-sync")
_WIDTH, _HEIGHT = 1500, 950
# MLflow opens its assistant beside the runs in a browser that is new to it.
_ASSISTANT = "[data-component-id='mlflow.assistant.chat_panel.close']"
_PATIENCE_MS = 60_000
_SETTLING_MS = 5_000


def take(link: str, image: Path, ready: str = CHART) -> None:
    """Opens `link` in headless Chromium and saves what is seen once an element `ready` is there.

    Raises:
        UserError: There is no browser, or no such element after a minute.
    """
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415
    except ImportError:
        raise UserError("screenshot: expected the package playwright, found none; `make test` installs it") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS, chromium_sandbox=False)
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        try:
            page.goto(link)
            page.wait_for_selector(ready, timeout=_PATIENCE_MS)
            if (close := page.locator(_ASSISTANT)).count():
                close.click()
            # The pages never stop asking the server for news, so there is no event that says that all is drawn.
            page.wait_for_timeout(_SETTLING_MS)
            page.screenshot(path=image, animations="disabled")
        except Error as error:
            first, *_ = error.message.splitlines()
            raise UserError(f"screenshot: expected {link} to show {ready}, got {first}; open it to see why") from None
        finally:
            browser.close()


def chromium() -> str:
    """The browser's file.

    Raises:
        UserError: There is none.
    """
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise UserError("screenshot: expected Chromium, found none; install it, or name its file in CHROMIUM")
    return found


@contextmanager
def pages(port: int, project: Path = PROJECT) -> Iterator[None]:
    """MLflow's pages on the store of `project`, for as long as the block lasts.

    Raises:
        UserError: They did not come up; their own sentence stands above.
    """
    command = [sys.executable, "-m", "pipelines.ui", str(port)]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            if not server.stdout.readline():
                raise UserError(f"screenshot: expected MLflow's pages on port {port}, got none; see above")
            yield
        finally:
            server.send_signal(signal.SIGTERM)


def _port(link: str) -> int | None:
    try:
        return urlsplit(link).port
    except ValueError:
        return None


def _main(arguments: list[str]) -> None:
    port = _port(arguments[0]) if len(arguments) == 2 else None
    if port is None:
        raise UserError(
            "screenshot: expected a link with a port, as a sweep prints it, and a file to write, got "
            f"{' '.join(arguments) or 'nothing'}"
        )
    with pages(port):
        take(arguments[0], Path(arguments[1]))


if __name__ == "__main__":
    with one_sentence():
        _main(sys.argv[1:])
