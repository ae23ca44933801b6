"""Which tracking store is meant, and whether its address can be one."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from echo_rnn.errors import UserError
from echo_rnn.redact import redact

DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
SQLITE_HEADER = b"SQLite format 3\0"
WHERE = "set tracking.uri or MLFLOW_TRACKING_URI"
EXPECTED = "sqlite:///<file>, http://<host> or https://<host>"


@dataclass(frozen=True)
class Address:
    """A tracking address without credentials; `database` is the file of an embedded store, None for a server."""

    uri: str
    database: Path | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address as people read it."""
        return str(self.database or self.uri)

    @property
    def artifacts(self) -> Path | None:
        """The folder for the artifacts of an embedded store; a server decides for itself."""
        return None if self.database is None else self.database.parent / ARTIFACTS


def resolve(configured: str | None, root: Path) -> Address:
    """Chooses the address: `MLFLOW_TRACKING_URI` first, then the configured one, then a database in `root`."""
    # `mlflow.db` and its artifacts are looked up from many working folders, so every path is absolute.
    root = root.absolute()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or configured
    return parse(uri, root) if uri else _embedded(root / DATABASE)


def parse(uri: str, root: Path) -> Address:
    """Reads an address; a relative file of a database is below `root`.

    Raises:
        UserError: It is none, or its database cannot be one.
    """
    if uri.startswith("sqlite:"):
        return _embedded(root / _database_of(uri))
    return _server(uri)


def _database_of(uri: str) -> str:
    # SQLAlchemy reads the address in the end, and its rules for escaped characters have changed over time.
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        name = make_url(uri).database
    except (ArgumentError, ValueError):
        name = None
    if not name or name == ":memory:":
        raise UserError(f"tracking address: expected sqlite:///<file>, got '{redact(uri)}'; {WHERE}")
    return name


def _embedded(database: Path) -> Address:
    # MLflow would retry for minutes on a file it cannot open, and create folders that nobody asked for.
    from sqlalchemy.engine import URL  # noqa: PLC0415

    if not database.parent.is_dir():
        raise UserError(f"tracking database: the folder {database.parent} does not exist; create it or {WHERE}")
    if database.is_dir():
        raise UserError(f"tracking database: expected a file, but {database} is a folder; move it or {WHERE}")
    try:
        with database.open("rb") as file:
            header = file.read(len(SQLITE_HEADER))
    except FileNotFoundError:
        header = b""
    except OSError as error:
        raise UserError(f"tracking database: {database} cannot be read ({error.strerror}); {WHERE}") from None
    if header not in (b"", SQLITE_HEADER):
        raise UserError(f"tracking database: {database} is not an SQLite database; move it away or {WHERE}")
    if not os.access(database if header else database.parent, os.W_OK):
        raise UserError(f"tracking database: {database} cannot be written; change its permissions or {WHERE}")
    # Writers of other processes are waited for: SQLite's own 5 s are too short for a sweep that logs in parallel.
    uri = URL.create("sqlite", database=str(database), query={"timeout": "60"})
    return Address(uri.render_as_string(hide_password=False), database)


def _server(uri: str) -> Address:
    try:
        parts = urlsplit(uri)
        # Reading the port is what checks it.
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UserError(f"tracking address: expected {EXPECTED}, got '{redact(uri)}'; {WHERE}")
    return Address(_without_credentials(parts), credentials=_credentials(parts))


def _without_credentials(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def _credentials(parts: SplitResult) -> tuple[str, str] | None:
    return (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
