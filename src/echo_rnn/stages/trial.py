"""One trial of a search: a job that reports each validation loss to the process that started it, which may end it.

    python -m echo_rnn.stages.trial FOLDER STUDY NUMBER OVERRIDE ...

It is sent the configuration as a line of JSON; it sends each validation loss so, and waits for `go` or `prune`. What it
prints is in `output.txt` in FOLDER.
"""

import json
import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from echo_rnn.child_process import Child, end_with_parent
from echo_rnn.config import Composition, Config, read
from echo_rnn.errors import PrunedError, UserError, as_user_error, one_sentence, to_its_end
from echo_rnn.files import redirect, remove
from echo_rnn.stages.alone import alone
from echo_rnn.stages.job import RESULT, Result, run
from echo_rnn.stages.job_server import job_server
from echo_rnn.stages.layout import Layout

if TYPE_CHECKING:
    from echo_rnn.training import EpochRecord

GO, PRUNE = "go", "prune"
OUTPUT = "output.txt"


def start(composition: Composition, root: Path, study: str, number: int, overrides: list[str]) -> Child:
    """Starts a trial in the folder `root`; see above for what it says and is told."""
    command = [sys.executable, "-m", "echo_rnn.stages.trial", str(root), study, str(number), *overrides]
    child = Child(command, server=job_server())
    child.write_line(json.dumps(composition.tree))
    return child


def result_of(config: Config, root: Path) -> Result | None:
    """How a trial with this configuration ended: `validation_loss` and more, `pruned` or `error`; `None` if it did not.

    Which worker began it does not matter.
    """
    with suppress(UserError):
        found = RESULT.read(root)
        if read(Layout(root).config).model_copy(update={"search": config.search}) == config:
            return found
    return None


def _main(root: str, study: str, number: str, *overrides: str) -> None:
    lines = end_with_parent()
    composition, files = Composition.of(json.loads(next(lines))), Layout(Path(root))
    typed = shlex.join(["python", "-m", "pipelines.train", *overrides])
    with alone(files.root, "trial"):
        remove(files.root / RESULT.name)
        composition.write(files.config)
        channel = _apart(files.root / OUTPUT)
        tags = {"study": study, "trial": number, "command": typed}
        try:
            outcome = _outcome(composition.config, files, tags, channel, lines)
        except PrunedError as pruned:
            outcome = {"pruned": str(pruned)}
            remove(files.checkpoints)
        except Exception as error:
            traceback.print_exc()
            mendable = as_user_error(error)
            # A loss that is not finite is the worst there is, and says something about where not to search.
            kind = "pruned" if mendable is not None and mendable.code == "training.non_finite" else "error"
            outcome = {kind: str(mendable or f"{type(error).__name__}: {error}")}
        RESULT.write(files.root, {"overrides": list(overrides), **outcome})


def _outcome(config: Config, files: Layout, tags: dict[str, str], channel: TextIO, lines: Iterator[bytes]) -> Result:
    epochs = config.trainer.epochs

    def report(record: "EpochRecord") -> None:
        if record.validation_loss is None:
            return
        channel.write(json.dumps({"epoch": record.epoch, "loss": record.validation_loss}) + "\n")
        channel.flush()
        # Without an answer the other process has ended, and this one is about to.
        if next(lines, b"") == PRUNE.encode() and record.epoch < epochs:
            raise PrunedError(f"after epoch {record.epoch} of {epochs}")

    with to_its_end():
        result = run(config, files, tags, "the same search", report)
    trained = json.loads((files.training / "metrics.json").read_text(encoding="utf-8"))
    return result | {"validation_loss": trained["validation_loss"]}


def _apart(output: Path) -> TextIO:
    """Sends what this process prints from now on to a file, and returns what was its standard output."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    redirect(output, 1, 2)
    return channel


if __name__ == "__main__":
    with one_sentence():
        _main(*sys.argv[1:])
