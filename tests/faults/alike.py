"""Which projects are alike: whose files differ in ids, times and measured numbers only.

A command that ends right in one of them need not be tried in the other. Ids are numbered in the order in which they
appear, and so are the digests of files: which run or which file a text means is compared, and whether a digest fits.
"""

import hashlib
import io
import re
import sqlite3
import zipfile
from contextlib import closing

import numpy as np

TIMED = ("time/", "speed/", "train/steps_per_second", "sweep/")
"""Metrics that differ from process to process begin so."""
OWN_CONTENT = {
    *("finished.json", "model.json", "model.keras", "result.json", "hydra.yaml", "multirun.yaml", "job.log", "MLmodel"),
    *("report.html", "results.json", "speed.json", "table.csv"),
}
"""These files hold the ids of runs, times, and places; so do all in `benchmarks/`."""

_ID = re.compile(r"(?<![\w.])[0-9a-f]{12,}(?:-[0-9a-f]{4,12})*(?![\w.])")
_MOMENTS = (
    r"(?<![\w.])\d{9,}(?:\.\d+)?(?!\w)",
    r"(?<!\d)\d\d?:\d\d:\d\d(?:\.\d+)?",
    r"(?<!\d)\d{8}-\d{6}-\d{6}(?!\d)",  # of what was set aside
    r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-\d+-\d+",  # of the process that a scratch path belongs to
    r'"seconds": \{[^}]*\}',  # of a checkpoint
)
_MOMENT = re.compile("|".join(_MOMENTS))
_FLOAT = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
_KEY = rf"[\"'](?:(?:{'|'.join(TIMED)})[^\"']*|process\.\w+)[\"']"
_TIMED_NUMBER = re.compile(rf"({_KEY}[,:] [\"']?){_FLOAT}(?!\w)")
_MEASURED_NUMBER = re.compile(r'-?\d+\.\d+(?:e-?\d+)?|(?<="bytes": )\d+')
_ANSWER = re.compile(r"(?:expected|\[Errno) [^\n\"]*")
# For people; no command reads them.
_NOTE = "mlflow.note.content"
_TEXTS = ("job.log", "summary.md", "traceback.txt")
_EPOCHS = "epochs.npy"  # in a checkpoint; the last column is a rate


def is_own(name):
    """Whether a file, named by its path in the project, differs from process to process."""
    return name.startswith("benchmarks/") or name.rpartition("/")[2] in OWN_CONTENT


def digest(folder):
    """A digest that alike projects share; the system's folder for temporary files does not count."""
    paths = [path for path in folder.rglob("*") if path.relative_to(folder).parts[0] != "tmp"]
    # Ids may order files otherwise.
    parts = sorted((_part(folder, path).replace(str(folder), "") for path in paths), key=_without_ids)
    return hashlib.sha256(_numbered("\n".join(parts)).encode()).hexdigest()


def _numbered(text):
    numbers = {}
    return _ID.sub(lambda found: f"#{numbers.setdefault(found[0], len(numbers))}", text)


def _without_ids(text):
    return _ID.sub("#", text)


def _part(folder, path):
    name = path.relative_to(folder).as_posix()
    shown = _MOMENT.sub("~", name)
    if not path.is_file():
        return shown
    if path.name == "mlflow.db":
        return f"{shown} {_rows(path)}"
    raw = path.read_bytes()
    content = "" if path.name in _TEXTS else _content(raw)
    if is_own(name):
        content = _MEASURED_NUMBER.sub("~", _ANSWER.sub("~", content))
    return f"{shown} {hashlib.sha256(raw).hexdigest()} {content}"


def _content(raw, name=""):
    if raw.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                return " ".join(f"{each} {_content(archive.read(each), each)}" for each in archive.namelist())
        except zipfile.BadZipFile:
            pass
    if name == _EPOCHS:
        raw = np.load(io.BytesIO(raw))[..., :-1].tobytes()
    try:
        return _plain(raw.decode())
    except UnicodeDecodeError:
        return f"content_{hashlib.sha256(raw).hexdigest()}"


def _rows(database):
    # As it is: what a killed process was writing is taken back by the next command.
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: store.execute(f"SELECT * FROM {table}").fetchall() for table in sorted(tables)}
    return "\n".join(
        line for table, each in rows.items() for line in (table, *sorted(map(_row, each), key=_without_ids))
    )


def _row(row):
    is_timed = any(isinstance(each, str) and each.startswith(TIMED) for each in row)
    kept = [each for each in row if not (is_timed and isinstance(each, float))]
    return _NOTE if _NOTE in row else _plain(repr(kept))


def _plain(text):
    return _TIMED_NUMBER.sub(r"\1~", _MOMENT.sub("~", text))
