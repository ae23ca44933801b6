"""Tries every point: `python -m tests.faults [--sample N] [--fault NAME] [--command NAME] [--seed N]`."""

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import commands, owners
from tests.faults.law import violations
from tests.faults.points import FAULTS
from tests.faults.processes import preload


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, help="so many points, drawn at random; all where it is left out")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--fault", choices=FAULTS, action="append")
    parser.add_argument("--command", choices=commands.COMMANDS, action="append")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        tried, broken = try_points(Path(scratch), options)
    print(f"{tried} faults in {(time.monotonic() - start) / 60:.0f} minutes, {len(broken)} break the law")
    return bool(broken)


def try_points(scratch, options):
    """Tries the points that `options` ask for, in several processes; returns their number and what broke the law."""
    preload()
    prepared = {name: commands.prepared(name, scratch / name) for name in options.command or commands.COMMANDS}
    tasks = [
        (name, at, fault)
        for name, (_, _, points, _) in prepared.items()
        for at in range(1, points + 1)
        for fault in options.fault or FAULTS
    ]
    for name, (_, _, points, _) in prepared.items():
        print(f"{name}: {points} points", flush=True)
    if options.sample:
        tasks = random.Random(options.seed).sample(tasks, min(options.sample, len(tasks)))
    broken, done = owners.violations(scratch), 0
    print(*broken, sep="\n")
    with multiprocessing.get_context("fork").Pool(options.processes) as pool:
        jobs = ((scratch, prepared[task[0]], *task) for task in tasks)
        for line in pool.imap_unordered(_try, jobs):
            done += 1
            if not done % 20:
                print(f"[{done}/{len(tasks)}]", flush=True)
            if line:
                broken.append(line)
                print(f"[{done}/{len(tasks)}] {line}", flush=True)
    return len(tasks), broken


def _try(job):
    scratch, (before, expected, _, seconds), name, at, fault = job
    work = scratch / f"work-{os.getpid()}"
    found, point = violations(before, expected, work, commands.COMMANDS[name], at, fault, seconds)
    return f"{name}, point {at}, {fault}, {point}: {'; '.join(found)}" if found else ""


if __name__ == "__main__":
    sys.exit(main())
