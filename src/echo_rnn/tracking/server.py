"""Does a tracking server answer? Asked before any work, because MLflow would find out only after minutes."""

import threading
import urllib.error
import urllib.request
from http.client import HTTPException

from echo_rnn.errors import UserError

ANSWER_SECONDS = 5
# One connection attempt may try several addresses of a host in turn, and a name look-up knows no timeout.
DEADLINE_SECONDS = 10


def require_answer(uri: str) -> None:
    """Raises a `UserError` that names the address when no server answers there in time."""
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
