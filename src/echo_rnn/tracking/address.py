"""Where runs are stored: the tracking address, whether a server answers there, links to its pages."""

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from echo_rnn.errors import UserError
from echo_rnn.redact import redact

DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"
ANSWER_SECONDS = 5
# One connection attempt may try several addresses of a host in turn, and a name look-up has no timeout.
DEADLINE_SECONDS = 10
_SQLITE_HEADER = b"SQLite format 3\0"
_WHERE = "set tracking.uri or MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class Address:
    """A tracking address without credentials; `database` is the file of an embedded store, None for a server."""

    uri: str
    database: Path | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address for people."""
        return str(self.database or self.uri)

    @property
    def artifacts(self) -> Path | None:
        """The folder for the artifacts of an embedded store; a server has its own."""
        return None if self.database is None else self.database.parent / ARTIFACTS


def resolve(configured: str | None, root: Path) -> Address:
    """The address to use: `MLFLOW_TRACKING_URI`, else the configured one, else a database in `root`."""
    # MLflow resolves relative paths from the current folder, which differs between commands.
    root = root.absolute()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or configured
    return parse(uri, root) if uri else _embedded(root / DATABASE)


def parse(uri: str, root: Path) -> Address:
    """Reads an address; a relative file of a database is below `root`.

    Raises:
        UserError: It is not an address, or its database is not usable.
    """
    return _embedded(root / _database_of(uri)) if uri.startswith("sqlite:") else _server(uri)


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
            f"tracking server: {address.uri} does not answer ({fault}); start it, or correct tracking.uri or "
            "MLFLOW_TRACKING_URI, or set tracking.enabled=false",
            "store.unreachable",
        )


def fault_of(base_url: str, seconds: float = ANSWER_SECONDS) -> str:
    """Why a server of MLflow is not usable; empty if it answers."""
    try:
        with urllib.request.urlopen(f"{base_url}/health", timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        # A server behind a login or without this page is there all the same; the first real request shows more.
        return f"status {error.code}" if error.code >= 500 else ""
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return str(error) or type(error).__name__


# MLflow's front page opens on GenAI traces without `workflowType`.


def comparison_link(base_url: str, experiment_id: str, sweep: str | None = None) -> str:
    """Link to the charts of all runs of an experiment, or of those with the tag `sweep`."""
    link = f"{base_url.rstrip('/')}/#/experiments/{experiment_id}/runs"
    link += "?compareRunsMode=CHART&workflowType=machine_learning"
    return link if sweep is None else f"{link}&searchFilter={_encoded(f'tags.sweep = {json.dumps(sweep)}')}"


def parallel_link(base_url: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """Link to the parallel coordinates of some runs, which show the parameters that differ between them."""
    runs, experiments = _encoded(json.dumps(list(run_ids))), _encoded(json.dumps([experiment_id]))
    link = f"{base_url.rstrip('/')}/#/compare-runs?runs={runs}&experiments={experiments}"
    return f"{link}&workflowType=machine_learning"


def _encoded(text: str) -> str:
    return quote(text, safe="")


def _database_of(uri: str) -> str:
    # MLflow reads the address with SQLAlchemy, whose rules for escaped characters have changed over time.
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        name = make_url(uri).database
    except (ArgumentError, ValueError):
        name = None
    if not name or name == ":memory:":
        raise _bad_address("sqlite:///<file>", uri)
    return name


def _embedded(database: Path) -> Address:
    # MLflow would retry for minutes on a file that it cannot open, and create missing folders.
    from sqlalchemy.engine import URL  # noqa: PLC0415

    if not database.parent.is_dir():
        raise _not_a_store(f"the folder {database.parent} does not exist; create it or")
    if database.is_dir():
        raise _not_a_store(f"expected a file, but {database} is a folder; move it or")
    try:
        with database.open("rb") as file:
            header = file.read(len(_SQLITE_HEADER))
    except FileNotFoundError:
        header = b""
    except OSError as error:
        raise _not_a_store(f"{database} cannot be read ({error.strerror});") from None
    if header not in (b"", _SQLITE_HEADER):
        raise _not_a_store(f"{database} is not an SQLite database; move it away or")
    if not os.access(database if header else database.parent, os.W_OK):
        raise _not_a_store(f"{database} cannot be written; change its permissions or")
    # SQLite's own 5 s of waiting for other writers are too short for a sweep that logs in parallel.
    uri = URL.create("sqlite", database=str(database), query={"timeout": "60"})
    return Address(uri.render_as_string(hide_password=False), database)


def _server(uri: str) -> Address:
    try:
        parts = urlsplit(uri)
        # Reading the port checks it.
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise _bad_address("sqlite:///<file>, http://<host> or https://<host>", uri)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    credentials = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Address(bare, credentials=credentials)


def _bad_address(expected: str, uri: str) -> UserError:
    return UserError(f"tracking address: expected {expected}, got '{redact(uri)}'; {_WHERE}", "store.bad_address")


def _not_a_store(problem: str) -> UserError:
    return UserError(f"tracking database: {problem} {_WHERE}", "store.not_a_store")
