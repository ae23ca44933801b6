"""The law: after a fault at any point, the same command ends as if there had been none.

It ends with exit code 0, with the same bits and numbers; one run is FINISHED, with each of its points once and its
artifacts, and none is RUNNING; a training that had ended is not repeated; nothing is left over; no traceback, and no
wait above ten seconds. Where the fault itself ends the command, it says so in one sentence that names a file.
"""

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.errors import parse_line
from echo_rnn.files import SCRATCH
from tests.faults.processes import run

SLOWEST_SECONDS = 10
# What differs from process to process.
_TIMED = ("time/", "speed/", "train/steps_per_second", "sweep/")
# These hold the ids of runs, times, and places.
_OWN_CONTENT = {
    *("finished.json", "model.json", "model.keras", "result.json", "hydra.yaml", "multirun.yaml", "job.log"),
    *("report.html", "results.json", "speed.json", "table.csv"),
}
_PLACES = (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"))


@dataclass(frozen=True)
class Outcome:
    """What a command left.

    Attributes:
        files: The contents of what is deterministic, and the names of the rest, by path.
        runs: Points and artifacts of each run that is FINISHED.
        unfinished: The states of others.
    """

    files: dict
    runs: list
    unfinished: list


def copied(before, folder):
    """A copy of a project, in whose store the places of artifacts are in the copy."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder, symlinks=True)
    if (folder / "mlflow.db").exists():
        with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
            for table, column in _PLACES:
                store.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", [str(before), str(folder)])


def outcome(folder):
    """What is in `folder`."""
    database = folder / "mlflow.db"
    runs, unfinished = [], []
    if database.exists():
        with closing(sqlite3.connect(database)) as store:
            states = store.execute("SELECT run_uuid, status FROM runs ORDER BY start_time").fetchall()
            unfinished = [status for _, status in states if status != "FINISHED"]
            for run_id in [run_id for run_id, status in states if status == "FINISHED"]:
                rows = store.execute("SELECT key, step, value FROM metrics WHERE run_uuid = ?", [run_id]).fetchall()
                steady = sorted(row for row in rows if not row[0].startswith(_TIMED))
                timed = {row[0] for row in rows if row[0].startswith(_TIMED)}
                params = sorted(store.execute("SELECT key, value FROM params WHERE run_uuid = ?", [run_id]))
                artifacts = folder / "mlartifacts" / run_id / "artifacts"
                names = sorted(each.relative_to(artifacts).as_posix() for each in artifacts.rglob("*"))
                models = store.execute(
                    "SELECT COUNT(*) FROM logged_models WHERE source_run_id = ?", [run_id]
                ).fetchone()
                runs.append((steady, timed, params, names, models))
    return Outcome(_files(folder), runs, unfinished)


def _files(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and any(path.iterdir()):
            continue
        # Artifacts are looked at by run; in the system's folder TensorFlow and Keras leave what they like.
        if not f"{name}/".startswith(("mlartifacts/", "mlflow.db", "tmp/")):
            found[name] = path.read_bytes() if path.is_file() and path.name not in _OWN_CONTENT else ""
    return found


def violations(before, expected, work, command, at, fault, seconds):
    """Injects a fault at a point of a command, runs the command again, and returns what breaks the law, as text.

    Args:
        before: The folder that the command begins in.
        expected: The outcome without a fault.
        work: A folder that is made for it, and removed.
        command: The command.
        at: The number of the point.
        fault: One of `points.FAULTS`.
        seconds: What the command takes without a fault.
    """
    copied(before, work)
    found = []
    limit = SLOWEST_SECONDS + 4 * seconds  # other processes are at work, too
    first = run(work, command.words, at=at, fault=fault, until=command.until)
    point = first.points[at - 1] if len(first.points) >= at else None
    if point is None:
        return [], None  # fewer points this time
    ended = (work / "job/checkpoints/finished.json").exists()
    if not first.was_killed:
        found += _said(first, limit)
    second = run(work, command.words, until=command.until)
    if second.code:
        found.append(f"the same command ends with {second.code}: {second.said[-600:]}")
    found += [f"again: {text}" for text in _spoken(second, limit)]
    if ended and "the training is finished" not in second.said:
        found.append("the training was repeated")
    after = outcome(work)
    found += differences(expected, after)
    shutil.rmtree(work, ignore_errors=True)
    return found, point


def _said(ended, limit):
    found = _spoken(ended, limit)
    errors = [error for error in map(parse_line, ended.said.splitlines()) if error]
    if ended.code and len(errors) != 1:
        found.append(f"expected one sentence, got {len(errors)}: {ended.said[-600:]}")
    if ended.code < 0:
        found.append(f"ended by signal {-ended.code}")
    if errors and not re.search(r"[\w.]+/[\w.]+|\.db|\.yaml|\.owner|[a-z]+: ", str(errors[0])):
        found.append(f"the sentence names no file: {errors[0]}")
    return found


def _spoken(ended, limit):
    found = []
    if "Traceback (most recent call last)" in ended.said:
        found.append(f"a traceback: {ended.said[-1500:]}")
    if ended.seconds > limit:
        found.append(f"took {ended.seconds:.0f} s")
    return found


def not_on_disk(points):
    """What had its place before its content was on disk, or was not in its place on disk when something was removed.

    Each thread is looked at by itself: what another one removes meanwhile is not what this one replaces.
    """
    threads = {thread for *_, thread in points}
    return [text for thread in threads for text in _not_on_disk(point for point in points if point[-1] == thread)]


def _not_on_disk(points):
    opened, placed, found = set(), {}, []
    for event, path, source, _ in points:
        if "/mlartifacts/" in path or "/tmp/" in path.removeprefix("/tmp/"):
            continue  # MLflow's own copies, and what is in the system's folder
        outbox = "/outbox/" in path
        if event == "open":
            opened.add(path)
        elif event == "os.fsync":
            opened.discard(path)
            placed.pop(path, None)
        elif event == "os.rename" and SCRATCH in source and SCRATCH not in path:
            found += [f"{path} was placed before {each} was on disk" for each in opened if each.startswith(source)]
            placed[str(Path(path).parent)] = outbox
        elif event == "os.rename" and SCRATCH in path:
            found += [f"{source} was removed before {each} was" for each, there in placed.items() if there == outbox]
    return found


def differences(expected, after):
    """How an outcome differs from the expected one."""
    found = []
    if running := [status for status in after.unfinished if status == "RUNNING"]:
        found.append(f"{len(running)} runs are RUNNING")
    if len(after.runs) != len(expected.runs):
        found.append(f"{len(after.runs)} runs are FINISHED instead of {len(expected.runs)}")
    for ours, theirs in zip(after.runs, expected.runs, strict=False):
        parts = ("points", "timed points", "parameters", "artifacts", "models")
        for part, one, other in zip(parts, ours, theirs, strict=True):
            if one != other:
                found.append(f"{part} differ: {one} instead of {other}"[:600])
    for name in sorted(after.files.keys() | expected.files.keys()):
        if name not in expected.files:
            found.append(f"left over: {name}")
        elif name not in after.files:
            found.append(f"missing: {name}")
        elif after.files[name] != expected.files[name]:
            found.append(f"another content: {name}")
    return found
