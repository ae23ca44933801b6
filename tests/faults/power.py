"""Power cuts: `python -m tests.faults.power --cuts 50`.

A command runs on a disk of its own, and what is on that disk at random moments is kept. On each of these disks the same
command must end as if there had been no cut; a training has lost no more than the checkpoint at which it was at work.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.commands import COMMANDS, TINY, prepared
from tests.faults.disk import NotAllowed, disk
from tests.faults.law import differences, outcome
from tests.faults.processes import preload, run

NOT_ALLOWED = 3
"""The exit code where no disk can be mounted."""
_TRAINING = (
    *("pipelines.train", *TINY, "hydra.run.dir=job", "trainer.checkpoint.seconds=0.3", "trainer.epochs=100"),
    "task.series_length=1000",
)
WORDS = {"training": _TRAINING} | {name: COMMANDS[name].words for name in ("generate", "benchmark")}
_AT_ONCE = 5
"""Cuts of one run."""


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.faults.power", description=__doc__)
    parser.add_argument("--cuts", type=int, default=50, help="of each command in turn: " + ", ".join(WORDS))
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    generator, done, broken, lost = random.Random(options.seed), 0, [], []
    with tempfile.TemporaryDirectory(prefix="power-") as name:
        folder = Path(name)
        preload(folder)
        try:
            while done < options.cuts:
                # Trainings have most moments.
                command = ("training", "generate", "training", "benchmark")[(done // _AT_ONCE) % 4]
                cuts = min(_AT_ONCE, options.cuts - done)
                for text, checkpoints in _cut(command, folder, cuts, generator):
                    done += 1
                    lost += checkpoints
                    broken += [f"cut {done}, {command}: {each}" for each in text]
                print(f"[{done}/{options.cuts}] {command}", *broken[-1:], flush=True)
        except NotAllowed as error:
            print(f"skipped: {error}")
            return NOT_ALLOWED
    print(*broken, sep="\n")
    print(f"{done} cuts, {len(broken)} break the law; checkpoints lost in {len(lost)} trainings: {sorted(lost)}")
    return bool(broken)


def _cut(command, folder, cuts, generator):
    """Yields for each of some cuts what breaks the law, and how many checkpoints were lost."""
    words, images, seen = WORDS[command], [], []
    begun = prepared("generate", folder).before  # composed
    with disk(folder) as whole:
        project = whole.place / "project"
        begun.copied(project)
        ended = run(project, words)
        assert not ended.code, ended.said
        expected = outcome(project)
    moments = sorted(generator.uniform(0, ended.seconds) for _ in range(cuts))
    with disk(folder) as whole:
        begun.copied(project)
        subprocess.run(["sync", "--file-system", project], check=True)
        start = time.monotonic()

        def cut():
            images.append(folder / f"image-{len(images)}")
            seen.append(_checkpoints(project))
            assert whole.copy(images[-1])

        def meanwhile():
            if len(images) < cuts and time.monotonic() - start > moments[len(images)]:
                cut()

        run(project, words, meanwhile=meanwhile)
        while len(images) < cuts:  # it was faster this time
            cut()
    for image, before in zip(images, seen, strict=True):
        with disk(folder, image):
            after = _checkpoints(project)
            again = run(project, words)
            found = differences(expected, outcome(project))
            if again.code or "Traceback (most recent call last)" in again.said:
                found.append(f"ends with {again.code}: {again.said[-1500:]}")
        lost = [] if _DONE in (before, after) or not before else [max(before) - max(after, default=0)]
        if (before and not after) or max(lost, default=0) > 1:
            found.append(f"checkpoints were lost: there were {before}, and then {after}")
        yield found, lost


_DONE = [10**6]


def _checkpoints(project):
    """The numbers of those that are there; `_DONE` where the training has ended."""
    folder = project / "job/checkpoints"
    if (folder / "finished.json").exists():
        return _DONE
    with suppress(FileNotFoundError):
        return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
    return []


if __name__ == "__main__":
    sys.exit(main())
