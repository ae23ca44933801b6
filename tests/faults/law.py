"""The law: after a fault at any point, the same command ends as if there had been none.

It ends with exit code 0, with the same bits and numbers; one run is FINISHED, with each of its points once and its
artifacts, and none is RUNNING; a training that had ended is not repeated; nothing is left over; no traceback, and no
wait above ten seconds. Where the fault itself ends the command, it says so in one sentence that names a file.
"""

import hashlib
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.errors import parse_line
from echo_rnn.files import SCRATCH
from tests.faults.alike import TIMED, digest, is_own
from tests.faults.points import FAILS, KILLED
from tests.faults.processes import run

SLOWEST_SECONDS = 10
_FINISHED = "checkpoints/finished.json"


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
                steady = sorted(row for row in rows if not row[0].startswith(TIMED))
                timed = {row[0] for row in rows if row[0].startswith(TIMED)}
                params = sorted(store.execute("SELECT key, value FROM params WHERE run_uuid = ?", [run_id]))
                artifacts = folder / "mlartifacts" / run_id / "artifacts"
                names = sorted(each.relative_to(artifacts).as_posix() for each in artifacts.rglob("*"))
                models = store.execute(
                    "SELECT COUNT(*) FROM logged_models WHERE source_run_id = ?", [run_id]
                ).fetchone()
                runs.append((steady, timed, params, names, models))
    return Outcome(_files(folder), sorted(runs, key=lambda run: repr((run[0], run[2]))), unfinished)


def _files(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and any(path.iterdir()):
            continue
        # Artifacts are looked at by run; in the system's folder TensorFlow and Keras leave what they like.
        if not f"{name}/".startswith(("mlartifacts/", "mlflow.db", "tmp/")):
            found[name] = "" if is_own(name) or not path.is_file() else path.read_bytes()
    return found


def violations(prepared, work, command, at, fault, ended_right):
    """Injects a fault at a point of a command, and runs the command again.

    Returns what breaks the law, as text, and the point; `None` where the command made fewer changes this time. Where
    the whole command is killed, its first run is the one that was looked at before each of its changes.

    Args:
        prepared: The command without a fault, see `commands.Prepared`.
        work: A folder that is made for it, and removed.
        command: The command.
        at: The number of the point.
        fault: One of `points.FAULTS`.
        ended_right: A folder of the digests of projects in which the command ended right; where another fault left
            one that is alike, it is not run again.
    """
    found, point = [], prepared.points[at - 1]
    limit = SLOWEST_SECONDS + 4 * prepared.seconds  # other processes are at work, too
    if fault == KILLED:
        prepared.states[at - 1].copied(work)
    else:
        prepared.before.copied(work)
        first = run(work, command.words, at=at, fault=fault, until=command.until)
        if len(first.points) < at:
            return [], None
        point = first.points[at - 1]
        found += _said(first, limit, fault)
    known = ended_right / hashlib.sha256(repr((command.words, digest(work))).encode()).hexdigest()
    if not known.exists():
        again = _again(prepared, work, command, limit)
        found += again
        if not again:
            known.touch()
    shutil.rmtree(work, ignore_errors=True)
    return found, point


def _again(prepared, work, command, limit):
    """What breaks the law where the same command is run again."""
    found = []
    ended = _finished(work) - _finished(prepared.before.folder) if command.trains else ()
    second = run(work, command.words, until=command.until)
    if second.code:
        found.append(f"the same command ends with {second.code}: {second.said[-600:]}")
    found += [f"again: {text}" for text in _spoken(second, limit)]
    if len(re.findall("the training is finished|finished before", second.said)) < len(ended):
        found.append("the training was repeated")
    return found + differences(prepared.outcome, outcome(work))


def _finished(folder):
    return {path.relative_to(folder) for path in folder.rglob(_FINISHED)}


def _said(ended, limit, fault):
    found = _spoken(ended, limit)
    errors = [str(error) for error in map(parse_line, ended.said.splitlines()) if error]
    jobs = re.findall(r"^failed: .*", ended.said, re.MULTILINE)  # of a sweep, which tells each job that failed
    if ended.code and len(errors) != 1 and not jobs:
        found.append(f"expected one sentence, got {len(errors)}: {ended.said[-600:]}")
    if ended.code < 0:
        found.append(f"ended by signal {-ended.code}")
    for sentence in (errors or jobs)[:1] if fault in FAILS else ():
        if not re.search(r"[\w.]+/[\w.]+|\.db|\.yaml|\.owner|[a-z]+: ", sentence):
            found.append(f"the sentence names no file: {sentence}")
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
    threads = {point.thread for point in points}
    return [text for thread in threads for text in _not_on_disk(point for point in points if point.thread == thread)]


def _not_on_disk(points):
    opened, placed, found = set(), {}, []
    for point in points:
        event, path, source = point.event, point.path, point.source
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
