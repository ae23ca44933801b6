"""Tries every point, see `make test-faults`: `python -m tests.faults --help`."""

import argparse
import json
import multiprocessing
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults import commands, owners
from tests.faults.law import violations
from tests.faults.points import CHILD_KILLED, FAULTS, KILLED
from tests.faults.processes import preload

_PASSED = "not reached, since the command made fewer changes than when they were counted"
_MEMORY = Path("/dev/shm")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--sample", type=int, help="so many faults, drawn at random; all where it is left out")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--fault", choices=FAULTS, action="append")
    parser.add_argument("--command", choices=commands.COMMANDS, action="append")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, help="what was tried is kept there; the same command goes on")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no fault begins later")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-", dir=_MEMORY if _MEMORY.is_dir() else None) as scratch:
        folder = (options.folder or Path(scratch)).absolute()
        (folder / "ended right").mkdir(parents=True, exist_ok=True)
        return try_points(folder, options)


def try_points(folder, options):
    """Tries the points that `options` ask for, in several processes; returns whether something broke the law."""
    start = time.monotonic()
    preload(folder)
    names = options.command or commands.COMMANDS
    prepared = {name: commands.prepared(name, folder) for name in names}
    for name, found in prepared.items():
        print(f"{name}: {len(found.points)} points, {sum(point.is_child for point in found.points)} in children")
    tasks = drawn(prepared, options.fault or FAULTS, options)
    journal = Journal(folder / "tried.jsonl")
    if "owners" not in journal.tried:
        journal.note("owners", owners.violations(folder, names), 0)
    missing = [task for task in tasks if _key(task) not in journal.tried]
    print(f"{len(tasks)} faults, {len(tasks) - len(missing)} tried before", flush=True)
    with multiprocessing.get_context("fork").Pool(options.processes) as pool:
        jobs = ((folder, prepared[task[0]], task, start + 60 * options.minutes) for task in missing)
        for task, lines, seconds in pool.imap_unordered(_try, jobs):
            if lines is not None:
                journal.note(_key(task), lines, seconds)
    left = [task for task in tasks if _key(task) not in journal.tried]
    passed = sum(journal.tried.get(_key(task)) == [_PASSED] for task in tasks)
    broken = [line for key in ["owners", *map(_key, tasks)] for line in journal.tried.get(key, ()) if line != _PASSED]
    print(*broken, sep="\n")
    tried = len(tasks) - len(left) - passed
    print(f"{tried} of {len(tasks)} faults tried, {passed} {_PASSED}, {len(broken)} break the law")
    return bool(broken) or bool(left)


def drawn(prepared, faults, options):
    """So many faults as are asked for, in random order.

    All of them begin with those of changes that differ by more than a number or an id in their path. The process alone
    is killed where another one waits for it. Where nothing has changed since the point before, as before and after a
    file is brought to disk, what is left of a killed command is the same.
    """
    tasks, seen = [], Counter()
    for name, found in prepared.items():
        for at, point in enumerate(found.points, 1):
            path = Path(point.path).relative_to(found.after.folder).as_posix()
            shape = (name, point.event, re.sub(r"[0-9a-f]{32}|\d+", "#", path), point.is_child)
            seen[shape] += 1
            repeats = at > 1 and found.states[at - 1] == found.states[at - 2]
            possible = {KILLED: not repeats, CHILD_KILLED: point.is_child}
            tasks += [(seen[shape], name, at, fault) for fault in faults if possible.get(fault, True)]
    random.Random(options.seed).shuffle(tasks)
    if options.sample:
        return [task for _, *task in tasks[: options.sample]]
    return [task for _, *task in sorted(tasks, key=lambda task: task[0])]


class Journal:
    """What was tried, and what broke the law there, in a file that only grows."""

    def __init__(self, path):
        self._path, self.tried = path, {}
        path.touch()
        for line in path.read_text().splitlines():
            key, lines, _ = json.loads(line)
            self.tried[key] = lines

    def note(self, key, lines, seconds):
        self.tried[key] = lines
        with self._path.open("a") as file:
            file.write(json.dumps([key, lines, round(seconds, 2)]) + "\n")
        if lines or not len(self.tried) % 20:
            print(f"[{len(self.tried)}] {'; '.join(lines)}", flush=True)


def _key(task):
    return " ".join(map(str, task))


def _try(job):
    folder, prepared, task, end = job
    if time.monotonic() > end:
        return task, None, 0
    name, at, fault = task
    start, work = time.monotonic(), folder / f"work-{os.getpid()}"
    found, point = violations(prepared, work, commands.COMMANDS[name], at, fault, folder / "ended right")
    lines = [f"{_key(task)}, {point.event} {point.path}: {'; '.join(found)}"] if found else []
    if point is None:
        lines = [_PASSED]
    return task, lines, time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
