"""The last state of a training that was good, in a file that is whole or not there."""

from pathlib import Path
from typing import Any

import numpy as np

from echo_rnn.files import replacing
from echo_rnn.training.learner import Snapshot


def save(path: Path, snapshot: Snapshot, steps: int) -> None:
    """Writes every variable and the number of training steps done, in NumPy's `.npz` format without pickles."""
    arrays: dict[str, Any] = {"steps": np.asarray(steps)}
    arrays |= {f"weight_{i}": array for i, array in enumerate(snapshot.weights)}
    arrays |= {f"optimizer_{i}": array for i, array in enumerate(snapshot.optimizer)}
    # Given an open file, NumPy adds no suffix of its own to the name.
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load(path: Path) -> tuple[Snapshot, int]:
    """Reads what `save` wrote: the variables and the number of training steps done."""
    with np.load(path, allow_pickle=False) as file:
        kinds = {kind: [name for name in file.files if name.startswith(kind)] for kind in ("weight_", "optimizer_")}
        weights, optimizer = ([file[f"{kind}{i}"] for i in range(len(names))] for kind, names in kinds.items())
        return Snapshot(weights, optimizer), int(file["steps"])
