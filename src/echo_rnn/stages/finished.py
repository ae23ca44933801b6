"""A training that has ended is recognised, so that the same command does not repeat it.

A process may be killed after its training and before the one that started it noted that: `dvc` before `dvc.lock`, a job
before its evaluation. The next `dvc` removes the outs of the stage, so that the files are kept beside the note, too, as
links.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from echo_rnn.errors import UserError
from echo_rnn.files import link, making_folder, remove, replacing
from echo_rnn.manifest import Manifest, file_entry

MANIFEST = Manifest(
    kind="finished training",
    name="finished.json",
    format=1,
    remedy="remove it, and the training is repeated",
)
_KEPT = "finished"


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
    remove(place / _KEPT)
    with making_folder(place / _KEPT) as kept:
        for name in entries:
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            link(root / name, kept / name)
    MANIFEST.write(place, {"facts": facts, "outcome": outcome, "files": entries})


def remove_rest(place: Path) -> None:
    """Removes from the folder `place` of a training that has ended the checkpoints that could not be removed then."""
    known = (MANIFEST.name, _KEPT)
    remove(*(path for path in sorted(place.glob("[!.]*")) if path.name not in known))


def outcome_of(place: Path, root: Path, facts: Any, present: Collection[Path]) -> Any:
    """The outcome of the training that was asked for and has ended; `None` where its files are not as it left them.

    Those that are missing or another training's are put back; of `present`, the files of any, the others are removed.
    """
    try:
        content = MANIFEST.read(place)
        if content["facts"] != facts:
            return None
        for name, entry in content["files"].items():
            MANIFEST.verify(place / _KEPT / name, entry, "a part of the finished training")
        remove(*(path for path in present if path.relative_to(root).as_posix() not in content["files"]))
        for name, entry in content["files"].items():
            if not (root / name).is_file() or file_entry(root / name) != entry:
                with replacing(root / name) as path:
                    link(place / _KEPT / name, path)
        return content["outcome"]
    except (UserError, OSError, LookupError, TypeError, AttributeError):
        return None
