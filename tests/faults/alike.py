"""Which projects are alike: whose files differ in ids, times and measured numbers only.

A command that ends right in one of them need not be tried in the other.
"""

import hashlib
import io
import re
import sqlite3
import zipfile
from contextlib import closing

TIMED = ("time/", "speed/", "train/steps_per_second", "sweep/")
"""Metrics that differ from process to process begin so."""
OWN_CONTENT = {
    *("finished.json", "model.json", "model.keras", "result.json", "hydra.yaml", "multirun.yaml", "job.log", "MLmodel"),
    *("report.html", "results.json", "speed.json", "table.csv"),
}
"""These files hold the ids of runs, times, and places; so do all in `benchmarks/`."""

# Ids and digests; process ids and moments, with fractions; times of day.
_ID = re.compile(r"(?<![\d.])(?:[0-9a-f]{12,}(?:-[0-9a-f]{4,12})*|\d{5,}(?:\.\d+)?|\d\d?:\d\d:\d\d(?:\.\d+)?)(?![\d.])")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_KEY = rf"[\"'](?:(?:{'|'.join(TIMED)})[^\"']*|\w*seconds|steady|epoch|validation|process\.pid)[\"']"
_TIMED_NUMBER = re.compile(rf"({_KEY}[,:] [\"']?){_NUMBER.pattern}")
_ANSWER = re.compile(r"(?:expected|\[Errno) [^\n\"]*")
# For people; no command reads them.
_NOTE = "mlflow.note.content"
_TEXTS = ("job.log", "summary.md", "traceback.txt")
_MEASURED = "epochs.npy"  # in a checkpoint: rates


def is_own(name):
    """Whether a file, named by its path in the project, differs from process to process."""
    return name.startswith("benchmarks/") or name.rpartition("/")[2] in OWN_CONTENT


def digest(folder):
    """A digest that alike projects share; the system's folder for temporary files does not count."""
    # Ids may order files otherwise: of those that are alike in name, the contents are sorted.
    paths = [path for path in folder.rglob("*") if path.relative_to(folder).parts[0] != "tmp"]
    parts = sorted(_part(folder, path) for path in paths)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _part(folder, path):
    name = path.relative_to(folder).as_posix()
    if not path.is_file():
        return _plain(name), "folder"
    if path.name == "mlflow.db":
        return name, _rows(path)
    content = "" if path.name in _TEXTS else _content(path.read_bytes())
    return _plain(name), _own(content) if is_own(name) else content


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
    return repr([(table, sorted(map(_row, each))) for table, each in rows.items()])


def _row(row):
    is_timed = any(isinstance(each, str) and each.startswith(TIMED) for each in row)
    kept = [each for each in row if not (is_timed and isinstance(each, float))]
    return _NOTE if _NOTE in row else _plain(repr(kept))


def _own(text):
    return _NUMBER.sub("~", _ANSWER.sub("~", text)).replace("#", "~")


def _plain(text):
    return _TIMED_NUMBER.sub(r"\1~", _ID.sub("#", text))
