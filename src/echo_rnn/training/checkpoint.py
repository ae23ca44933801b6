"""One checkpoint: a sealed folder that is whole or not there. No pickles."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from echo_rnn.core.windows.loop import Array
from echo_rnn.manifest import Manifest, file_entry
from echo_rnn.training.early_stop import Memory
from echo_rnn.training.history import Marks
from echo_rnn.training.learner import Snapshot
from echo_rnn.training.log import Mark
from echo_rnn.training.progress import Progress, Seconds

MANIFEST = Manifest(
    kind="checkpoint",
    name="checkpoint.json",
    format=1,
    remedy="the checkpoint before it is used, if that is whole",
)
_ARRAYS = "arrays.npz"


def write(folder: Path, progress: Progress, facts: Mapping[str, Any]) -> None:
    """Writes `progress`, and `facts` that are kept with it, to a folder that is not there yet."""
    remembered = progress.early_stop
    # Here and not in the description: JSON knows no infinity, which is lower than no loss.
    arrays = {"validation_losses": np.array([remembered.lowest, remembered.to_improve_on])}
    arrays |= _numbered("state", progress.state) | _snapshot("now", progress.variables)
    if remembered.best is not None:
        arrays |= _snapshot("best", remembered.best)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as temporary:
        file = Path(temporary, _ARRAYS)
        np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called `allow_pickle`
        content = {
            "steps": progress.steps,
            "early_stop": {"looks_without": remembered.looks_without, "best_epoch": remembered.best_epoch},
            "seconds": progress.seconds._asdict(),
            "marks": {name: mark._asdict() for name, mark in progress.marks._asdict().items()},
            "arrays": file_entry(file),
            **facts,
        }
        MANIFEST.write(Path(temporary), content)
        Path(temporary).rename(folder)


def read(folder: Path) -> tuple[Progress, dict[str, Any]]:
    """What `write` wrote, verified: the progress, and a mapping with the facts.

    Raises:
        UserError: Something is missing, damaged, edited, or of another version.
    """
    content = MANIFEST.read(folder)
    path = MANIFEST.verify(folder / _ARRAYS, content["arrays"], "the arrays of the checkpoint")
    with np.load(path, allow_pickle=False) as file:
        arrays: dict[str, Array] = dict(file)
    lowest, to_improve_on = arrays["validation_losses"].tolist()
    best = _snapshot_in(arrays, "best")
    progress = Progress(
        steps=content["steps"],
        variables=_snapshot_in(arrays, "now"),
        state=_listed(arrays, "state"),
        early_stop=Memory(lowest, to_improve_on, best=best if best.weights else None, **content["early_stop"]),
        seconds=Seconds(**content["seconds"]),
        marks=Marks(**{name: Mark(**mark) for name, mark in content["marks"].items()}),
    )
    return progress, content


def _numbered(kind: str, arrays: Iterable[Array]) -> dict[str, Array]:
    return {f"{kind}.{i}": array for i, array in enumerate(arrays)}


def _listed(arrays: Mapping[str, Array], kind: str) -> list[Array]:
    count = sum(name.rpartition(".")[0] == kind for name in arrays)
    return [arrays[f"{kind}.{i}"] for i in range(count)]


def _snapshot(when: str, variables: Snapshot) -> dict[str, Array]:
    return _numbered(f"{when}.weight", variables.weights) | _numbered(f"{when}.optimizer", variables.optimizer)


def _snapshot_in(arrays: Mapping[str, Array], when: str) -> Snapshot:
    return Snapshot(_listed(arrays, f"{when}.weight"), _listed(arrays, f"{when}.optimizer"))
