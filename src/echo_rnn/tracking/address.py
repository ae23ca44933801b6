"""Which store a tracking address names, whether a server answers there, and MLflow's client of it.

MLflow is imported in the functions only, since its settings must be in the environment before that.
"""

import os
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from filelock import Timeout

from echo_rnn.errors import UserError
from echo_rnn.locks import file_lock
from echo_rnn.redact import redact
from echo_rnn.tracking.database import WRITER_SECONDS, prepare, relocate

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
"""Variables that MLflow, here and in child processes, reads when it is imported."""
# One connection attempt may try several addresses of a host in turn, and a name look-up has no timeout.
DEADLINE_SECONDS = 10
LOCK_SECONDS = 120
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_REASON = 500
_DEEPEST = 10  # of a chain of errors
_WHERE = "tracking.uri or MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class Address:
    """A tracking address without credentials.

    Attributes:
        uri: As MLflow reads it.
        stored: As outboxes hold it: a database in the project relative to the project, which may be moved.
        database: The file of an embedded store, None for a server.
        credentials: For a server.
    """

    uri: str
    stored: str
    database: Path | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address for people."""
        return str(self.database or self.uri)

    @property
    def artifacts(self) -> Path | None:
        """The folder for the artifacts of an embedded store; a server has its own."""
        return self.database and self.database.parent / "mlartifacts"


def resolve(configured: str | None, root: Path) -> Address:
    """The address to use: `MLFLOW_TRACKING_URI`, else the configured one, else a database in `root`."""
    return parse(os.environ.get("MLFLOW_TRACKING_URI") or configured or "sqlite:///mlflow.db", root)


def database_of(configured: str | None, root: Path) -> Path | None:
    """The file of the store to use where that is an embedded one; see `resolve`."""
    return resolve(configured, root).database


def parse(uri: str, root: Path) -> Address:
    """Reads an address; a relative file of a database is below `root`, since MLflow takes it from the current folder.

    Raises:
        UserError: It is not an address.
    """
    if uri.startswith("sqlite:///"):
        # MLflow reads the address with SQLAlchemy, which has changed its rules for escaped characters over time.
        from sqlalchemy.engine import URL, make_url  # noqa: PLC0415

        if (name := make_url(uri).database) and name != ":memory:":
            database = root.absolute() / name
            # With the name of the driver: of `sqlite:///…` MLflow makes the folder as it is written, escapes included.
            url = URL.create("sqlite+pysqlite", database=str(database), query={"timeout": str(WRITER_SECONDS)})
            inside = database.is_relative_to(root.absolute())
            stored = URL.create("sqlite", database=str(database.relative_to(root.absolute()) if inside else database))
            return Address(url.render_as_string(), stored.render_as_string(), database)
    try:
        parts = urlsplit(uri)
        # Reading the port checks it.
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UserError(
            f"tracking address: expected sqlite:///<file>, http://<host> or https://<host>, got '{redact(uri)}'; set "
            f"{_WHERE}",
            "store.bad_address",
        )
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    credentials = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Address(bare, bare, credentials=credentials)


def require_answer(address: Address) -> None:
    """Checks that a server answers, because MLflow itself would wait for minutes; an embedded store passes.

    Raises:
        UserError: No server answers in time.
    """
    if address.database is not None:
        return
    faults: list[str] = []
    # A daemon thread: a request that still waits at the deadline must not keep the process alive.
    request = threading.Thread(target=lambda: faults.append(fault_of(address.uri)), daemon=True)
    request.start()
    request.join(DEADLINE_SECONDS)
    fault = faults[0] if faults else f"no answer in {DEADLINE_SECONDS} s"
    if fault:
        raise UserError(
            f"tracking server: {address.uri} does not answer ({fault}); start it, or correct {_WHERE}, or set "
            "tracking.enabled=false",
            "store.unreachable",
        )


def _ask_this_machine_directly() -> None:
    """What is on this machine is not asked for through a proxy, which would look for it on its own."""
    for name in ("no_proxy", "NO_PROXY"):
        listed = os.environ.get(name, "").split(",")
        os.environ[name] = ",".join(dict.fromkeys([*filter(None, listed), *_LOOPBACK]))


def fault_of(base_url: str, seconds: float = 5) -> str:
    """Why a server of MLflow is not usable; empty if it answers."""
    _ask_this_machine_directly()
    try:
        with urllib.request.urlopen(f"{base_url}/health", timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        # A server behind a login or without this page is there all the same; the first real request shows more.
        return f"status {error.code}" if error.code >= 500 else ""
    except (OSError, HTTPException, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__


def new_client(address: Address) -> "MlflowClient":
    """MLflow's client of a store; creates the tables of an embedded one where they are missing.

    Raises:
        UserError: The database is not usable, or another process has locked it for too long.
    """
    os.environ.update(_FORCED)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient  # noqa: PLC0415

    _ask_this_machine_directly()
    if address.credentials is not None:
        # MLflow makes the header of its requests from these; credentials in the address would be in its messages.
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = address.credentials
    if address.database is None:
        return MlflowClient(address.uri)
    if not address.database.parent.is_dir():
        raise _not_a_store(address.database, "no such folder")
    # Two processes that create the tables at once make a database that no process can open again.
    with mlflow_errors(address), file_lock(f"{address.database}.lock", LOCK_SECONDS):
        try:
            prepare(address.database)
            if address.artifacts is not None:
                relocate(address.database, address.artifacts)
        except sqlite3.Error as error:
            raise _not_a_store(address.database, str(error)) from None
        return MlflowClient(address.uri)


def _not_a_store(database: Path, got: str) -> UserError:
    return UserError(
        f"tracking database: expected {database} to be one that SQLite can read and write, or none yet in a folder "
        f"that exists, got '{got}'; correct that or set {_WHERE}",
        "store.not_a_store",
    )


@contextmanager
def mlflow_errors(address: Address) -> Iterator[None]:
    """Turns errors of MLflow, of its database and of files in the block into a `UserError` that names the store."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except (MlflowException, SQLAlchemyError, Timeout, OSError) as error:
        # Without the cause, which holds credentials and all that `reason` leaves out.
        code = "store.unreachable" if may_pass(error, address) else "store.failed"
        raise UserError(f"tracking store {address.shown}: {reason(error)}", code) from None


def may_pass(error: BaseException, address: Address) -> bool:
    """Whether the same request may succeed later without anybody's help.

    A server may be gone or have lost its database (status 500 and above); a database may be busy. What a store refuses,
    a full disk and a file that cannot be written stay.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    if address.database is not None:
        return any(word in reason(error) for word in ("locked", "busy"))
    if isinstance(error, MlflowException):
        return int(error.get_http_status_code()) >= 500
    return not isinstance(error, OSError) or getattr(error, "filename", None) is None


def reason(error: BaseException) -> str:
    """The heart of an error in one line, without credentials; the rest is SQL, a traceback or a page of a server."""
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        if cause is None:
            break
        if isinstance(cause, sqlite3.Error) or (isinstance(cause, OSError) and cause.filename):
            error = cause
            break
        cause = getattr(cause, "orig", None) or cause.__cause__ or cause.__context__
    lines = (line.strip() for line in redact(str(error)).splitlines())
    return next(filter(None, lines), type(error).__name__)[:_LONGEST_REASON]
