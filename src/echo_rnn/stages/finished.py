"""A training that has ended is recognised while its files stand, so that the same command does not repeat it.

A process may be killed after its training and before the one that started it noted that: `dvc` before `dvc.lock`, a job
before its evaluation.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from echo_rnn.errors import UserError
from echo_rnn.manifest import Manifest, file_entry

MANIFEST = Manifest(
    kind="finished training",
    name="finished.json",
    format=1,
    remedy="remove it, and the training is repeated",
)


def write(place: Path, root: Path, facts: Any, outcome: Any, files: Iterable[Path]) -> None:
    """Notes in the folder `place` that a training has ended.

    Args:
        place: Where its checkpoints are.
        root: The folder below which `files` are.
        facts: All that was asked for, as JSON values.
        outcome: What is known of it, as JSON values.
        files: What it left.
    """
    entries = {path.relative_to(root).as_posix(): file_entry(path) for path in sorted(files)}
    MANIFEST.write(place, {"facts": facts, "outcome": outcome, "files": entries})


def outcome_of(place: Path, root: Path, facts: Any) -> Any:
    """The outcome of the training that was asked for and has ended; `None` where its files are not as it left them."""
    try:
        content = MANIFEST.read(place)
        if content["facts"] != facts:
            return None
        for name, entry in content["files"].items():
            MANIFEST.verify(root / name, entry, "a part of the finished training")
        return content["outcome"]
    except (UserError, OSError, LookupError, TypeError, AttributeError):
        return None
