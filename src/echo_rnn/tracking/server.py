"""Does a tracking server answer? Asked before any work, because MLflow would find out only after minutes."""

import os
import threading
import urllib.error
import urllib.request
from http.client import HTTPException

from echo_rnn.errors import UserError
from echo_rnn.tracking.address import Address

ANSWER_SECONDS = 5
# One connection attempt may try several addresses of a host in turn, and a name look-up knows no timeout.
DEADLINE_SECONDS = 10


def require_answer(address: Address) -> None:
    """Hands the server's credentials to MLflow; an embedded store has no server to ask.

    Raises:
        UserError: No server answers in time.
    """
    if address.database is None:
        _hand_over(address.credentials)
        _require_answer(address.uri)


def _hand_over(credentials: tuple[str, str] | None) -> None:
    # From these variables MLflow builds the header of its requests; in the address they would show in its messages.
    if credentials is not None:
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = credentials


def _require_answer(uri: str) -> None:
    findings: list[str] = []
    # A daemon thread: what still hangs at the deadline must not keep the process alive.
    question = threading.Thread(target=lambda: findings.append(_fault(uri)), daemon=True)
    question.start()
    question.join(DEADLINE_SECONDS)
    fault = findings[0] if findings else f"no answer in {DEADLINE_SECONDS} s"
    if fault:
        raise UserError(
            f"tracking server: {uri} does not answer ({fault}); start it, or correct tracking.uri or "
            "MLFLOW_TRACKING_URI, or set tracking.enabled=false"
        )


def _fault(uri: str) -> str:
    try:
        with urllib.request.urlopen(f"{uri}/health", timeout=ANSWER_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        # A server behind a login or without this page is there all the same; the first real request tells more.
        return f"it says {error.code}" if error.code >= 500 else ""
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return str(error) or type(error).__name__
