"""MLflow as this project uses it: its settings, a client of a store, its errors as sentences.

MLflow is imported in the functions only, since its settings must be in the environment before that.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from echo_rnn.errors import UserError
from echo_rnn.redact import redact
from echo_rnn.tracking.address import Address

if TYPE_CHECKING:
    from mlflow import MlflowClient

_FORCED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
# A person may set these differently. MLflow's own waits add up to more than four minutes for one request; here the
# background delivery tries again, and a failure becomes a sentence instead of a page of MLflow's log.
_DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
SETTINGS = _DEFAULTS | _FORCED
LOCK_SECONDS = 120
_LONGEST_REASON = 500


def configure_mlflow() -> None:
    """Sets the variables that MLflow, here and in child processes, reads when it is imported."""
    os.environ.update(_FORCED)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def new_client(address: Address) -> "MlflowClient":
    """MLflow's client of a store; creates the tables of an embedded one where they are missing.

    Raises:
        UserError: Another process has locked the database for too long, or MLflow cannot open it.
    """
    from mlflow import MlflowClient  # noqa: PLC0415

    if address.credentials is not None:
        # MLflow makes the header of its requests from these; credentials in the address would be in its messages.
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = address.credentials
    with mlflow_errors(address.shown):
        if address.database is None:
            return MlflowClient(address.uri)
        lock = f"{address.database}.lock"
        try:
            # Two processes that create the tables at once make a database that no process can open again.
            with FileLock(lock, timeout=LOCK_SECONDS):
                return MlflowClient(address.uri)
        except Timeout:
            raise UserError(
                f"tracking database: another process holds {lock} for over {LOCK_SECONDS} s; end it", "store.locked"
            ) from None


@contextmanager
def mlflow_errors(address: str) -> Iterator[None]:
    """Turns errors of MLflow and of its database in the block into a `UserError` that names the store."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        # Without the cause, which holds credentials and all that `first_line` leaves out.
        raise UserError(f"tracking store {address}: {first_line(error)}", "store.failed") from None


def first_line(error: BaseException) -> str:
    """The first line of an error, without credentials; the rest is SQL, a traceback or a page of a server."""
    lines = (line.strip() for line in redact(str(error)).splitlines())
    return next(filter(None, lines), type(error).__name__)[:_LONGEST_REASON]
