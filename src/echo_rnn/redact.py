"""Credentials in addresses are removed before an address is shown or stored."""

import re

from echo_rnn.errors import UserError

_CREDENTIALS = re.compile(r"://[^/\s]*@")


def redact(text: str) -> str:
    """Replaces user name and password of every address in `text` by `***`."""
    return _CREDENTIALS.sub("://***@", text)


def require_no_credentials(text: str, place: str) -> None:
    """Refuses a text that would be written to files: it holds an address with a user name or password.

    Raises:
        UserError: It does; the sentence does not repeat them.
    """
    if found := _CREDENTIALS.search(text):
        shown = redact(text[max(0, found.start() - 40) : found.end() + 40].split("\n", maxsplit=1)[0])
        raise UserError(
            f"{place}: expected addresses without user name and password, since it is written to files, got '{shown}'; "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead",
            "config.credentials",
        )
