"""Which projects are alike: whose files differ in ids, times and measured numbers only.

A command that ends right in one of them need not be tried in the other.
"""

import hashlib
import io
import re
import sqlite3
import zipfile
from contextlib import closing

_ID = re.compile(r"[0-9a-f]{12,}(-[0-9a-f]{4,12})*")
_NUMBER = re.compile(r"-?\d+\.\d+(e-?\d+)?|\d{5,}|\d\d?:\d\d:\d\d")
_MEASURED = "epochs.npy"  # in a checkpoint: rates


def digest(folder):
    """A digest that alike projects share; the system's folder for temporary files does not count."""
    # Ids may order files otherwise: of those that are alike in name, the contents are sorted.
    paths = [path for path in folder.rglob("*") if path.relative_to(folder).parts[0] != "tmp"]
    parts = sorted(_part(folder, path) for path in paths)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _part(folder, path):
    name = _plain(path.relative_to(folder).as_posix())
    if not path.is_file():
        return name, "folder"
    if path.name == "mlflow.db":
        return name, _rows(path)
    return name, _content(path.read_bytes())


def _content(content):
    if content.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = [each for each in archive.namelist() if each != _MEASURED]
                return repr([(each, _content(archive.read(each))) for each in members])
        except zipfile.BadZipFile:
            pass
    try:
        return _plain(content.decode())
    except UnicodeDecodeError:
        return hashlib.sha256(content).hexdigest()


def _rows(database):
    # As it is: what a killed process was writing is taken back by the next command.
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: store.execute(f"SELECT * FROM {table}").fetchall() for table in sorted(tables)}
    return repr([(table, sorted(_plain(repr(row)) for row in each)) for table, each in rows.items()])


def _plain(text):
    return _NUMBER.sub("~", _ID.sub("#", text))
