"""The database of an embedded store is whole or not there; one of an older MLflow is replaced by an upgraded copy.

MLflow makes its tables one by one, in more than a second, and never mends a database in which some are missing. So they
are made beside the place, and an empty database for the installed version is kept in the user's cache directory.
"""

import functools
import os
import re
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import platformdirs
import psutil

from echo_rnn.errors import UserError
from echo_rnn.files import remove_leftovers, replacing, sha256

WRITER_SECONDS = 60
"""How long a writer of a database waits: SQLite's own 5 s are too short for a sweep that logs in parallel."""
_LOCATIONS = (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"))
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|lustre|beegfs|gpfs|ceph|gfs2|ocfs2|glusterfs|fuse\.(sshfs|glusterfs|ceph\S*|s3\S*)"
)
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def prepare(database: Path) -> None:
    """Makes or upgrades the database where that is needed; no other process may do so at the same time.

    Raises:
        UserError: It is not a database, cannot be written, or is one that the installed MLflow cannot upgrade.
    """
    remove_leftovers(database.parent)
    _allow_any_environment()
    if not database.exists() or database.stat().st_size == 0:
        with replacing(database) as made:
            _make(made)
        return
    with _connected(database) as connection:
        # As before a first change, which is not made; what a killed process was writing is taken back.
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
        if _revision(connection) == _installed():
            return
        connection.execute("BEGIN IMMEDIATE")  # others wait until the copy is in its place
        _upgrade(database, connection)


@functools.cache
def warn_of_network(database: Path) -> None:
    """Prints a warning, once in a process, where a database is on a file system that several machines may share."""
    place = database.parent.resolve()
    mounts = [each for each in psutil.disk_partitions(all=True) if place.is_relative_to(each.mountpoint)]
    kind = max(mounts, key=lambda each: len(Path(each.mountpoint).parts)).fstype if mounts else ""
    if _NETWORK.fullmatch(kind):
        print(
            f"warning: {database} is on a network file system ({kind}), where SQLite may lose what two machines write "
            "at once: use it from one machine at a time, or a server (tracking=server)",
            file=sys.stderr,
        )


def relocate(database: Path, artifacts: Path) -> None:
    """Makes the artifacts of a store that was moved or copied those beside it: MLflow stores where they were made.

    Where they were left behind, they stay where they are.
    """
    ours = artifacts.as_uri()
    with _connected(database) as connection:
        known = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        for (location,) in known:
            there = Path(unquote(urlsplit(location or "").path))
            if location == ours or there.name != artifacts.name or (there.exists() and not artifacts.exists()):
                continue
            connection.execute("BEGIN IMMEDIATE")
            for table, column in _LOCATIONS:
                moved = f"SET {column} = ? || substr({column}, ?) WHERE substr({column} || '/', 1, ?) = ?"
                size = len(location)
                connection.execute(f"UPDATE {table} {moved}", (ours, size + 1, size + 1, f"{location}/"))
            connection.commit()


def _upgrade(database: Path, connection: sqlite3.Connection) -> None:
    from mlflow.store.db.utils import _upgrade_db  # noqa: PLC0415

    try:
        with replacing(database) as copy:
            shutil.copyfile(database, copy)
            with _engine(copy) as engine:
                _upgrade_db(engine)
    except UserError:
        raise
    except Exception as error:  # of any kind: what a database may be is endless
        if _has_runs(connection):
            raise UserError(
                f"tracking database: expected {database} to be one that MLflow {version('mlflow')} can read or "
                f"upgrade, got revision {_revision(connection)!r}; install the version that wrote it, or move it away",
                "store.other_version",
            ) from error
        with replacing(database) as made:
            _make(made)
    print(f"note: {database} was upgraded for MLflow {version('mlflow')}", file=sys.stderr)


def _allow_any_environment() -> None:
    """MLflow fails where the path of its own package holds a `%`, which its library for tables reads as a reference."""
    from alembic.config import Config  # noqa: PLC0415
    from mlflow.store.db import utils  # noqa: PLC0415

    folder = Path(utils._get_package_dir()) / "store" / "db_migrations"

    def escaped(db_url: str, alembic_dir: None = None) -> Config:
        config = Config(folder / "alembic.ini")
        for name, value in {"script_location": str(folder), "sqlalchemy.url": db_url}.items():
            config.set_main_option(name, value.replace("%", "%%"))
        return config

    if "%" in str(folder):
        utils._get_alembic_config = escaped


def _installed() -> str:
    """The revision of tables that the installed MLflow expects."""
    from mlflow.store.db.utils import _get_latest_schema_revision  # noqa: PLC0415

    return str(_get_latest_schema_revision())


def _revision(connection: sqlite3.Connection) -> str:
    """The revision of a database's tables; empty where it has none."""
    try:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    except sqlite3.OperationalError:
        return ""
    return str(revision)


def _has_runs(connection: sqlite3.Connection) -> bool:
    """Whether something is in a database; a half-made one holds nothing."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "experiments" not in tables:
        return bool(tables - {"alembic_version"})
    return bool(connection.execute("SELECT 1 FROM experiments WHERE experiment_id != 0").fetchone())


@contextmanager
def _connected(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", timeout=WRITER_SECONDS, uri=True)) as connection:
        connection.isolation_level = None
        yield connection


@contextmanager
def _engine(database: Path) -> Iterator[object]:
    from mlflow.store.db.utils import create_sqlalchemy_engine  # noqa: PLC0415
    from sqlalchemy.engine import URL  # noqa: PLC0415

    engine = create_sqlalchemy_engine(URL.create("sqlite", database=str(database)).render_as_string())
    try:
        yield engine
    finally:
        engine.dispose()


def _make(database: Path) -> None:
    """Makes a database without runs: a copy of the one in the user's cache, or a new one, which is kept there."""
    from mlflow.store.db.utils import _initialize_tables  # noqa: PLC0415

    folder = platformdirs.user_cache_path("echo-rnn") / "stores"
    name = f"mlflow-{version('mlflow')}-{_installed()}"
    for kept in folder.glob(f"{name}-*.db"):
        if _is_private(folder) and _is_private(kept) and kept.name == f"{name}-{sha256(kept)}.db":
            shutil.copyfile(kept, database)
            return
    with _engine(database) as engine:
        _initialize_tables(engine)
    if not folder.is_absolute():  # that of a user without a home
        return
    place = folder / f"{name}-{sha256(database)}.db"
    with suppress(UserError, OSError), replacing(place) as path:
        folder.chmod(0o700)
        shutil.copyfile(database, path)


def _is_private(path: Path) -> bool:
    """Whether only this user can have written it: a database may hold triggers, which are run."""
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & _OTHERS_WRITE
