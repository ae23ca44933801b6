"""The checkpoints of one training: numbered folders that are whole or not there, without pickles.

One is written now and then, the last few are retained, and a training resumes from the newest that is whole.
"""

import re
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from echo_rnn.core.windows.loop import Array
from echo_rnn.errors import UserError
from echo_rnn.files import making_folder, move, remove
from echo_rnn.manifest import Manifest, file_entry
from echo_rnn.training.early_stop import Memory
from echo_rnn.training.fingerprint import Fingerprint, differences
from echo_rnn.training.history import BEGINNING, EpochRecord, Log, Offset
from echo_rnn.training.learner import Snapshot

MANIFEST = Manifest(
    kind="checkpoint",
    name="checkpoint.json",
    format=3,
    remedy="the checkpoint before it is used, if that is whole",
)
_ARRAYS = "arrays.npz"
_SHARE = 20


class Seconds(NamedTuple):
    """The times of a `History`, in seconds."""

    steady: float
    epoch: float
    validation: float


@dataclass(frozen=True)
class Progress:
    """All that the rest of a training depends on.

    Dropout masks are drawn from the optimizer's step counter, which is one of the variables: there is no other
    generator with a state to save. The number of windows per call has no influence either.

    Attributes:
        steps: Training steps done. With the number of epochs they give epoch and window.
        epochs: The records of finished epochs.
        variables: Weights and optimizer.
        state: The carried state of every layer, flat.
        early_stop: The memory of early stopping.
        seconds: Time spent so far.
        offset: The end of the log of steps.
    """

    steps: int
    epochs: list[EpochRecord]
    variables: Snapshot
    state: list[Array]
    early_stop: Memory
    seconds: Seconds
    offset: Offset

    @property
    def is_finite(self) -> bool:
        """Whether nothing that the coming steps use is NaN or infinite."""
        # An optimizer with an infinite average never moves a weight again.
        arrays = (*self.variables.weights, *self.variables.optimizer, *self.state)
        return all(bool(np.isfinite(array).all()) for array in arrays)


class Checkpoints:
    """A folder of numbered checkpoints, and the log of the training steps that they share.

    The numbers of a step are written once, and a checkpoint stores its offset in the log: it costs the same however
    many steps there have been. Only one process at a time may use the folder.
    """

    def __init__(self, folder: Path, fingerprint: Fingerprint, *, seconds: float, keep: int) -> None:
        """Nothing is read or written yet.

        Args:
            folder: It may be missing.
            fingerprint: Of the training in this process.
            seconds: Time between two checkpoints, at least; longer where writing one takes long.
            keep: How many are retained.
        """
        self._folder = folder
        self._fingerprint = fingerprint
        self._seconds = seconds
        self._keep = keep
        self._next_save = 0.0
        self.log = Log(folder / "steps.f32")
        self.run_id = ""
        """The tracking run of the training."""
        self.other_bits = ""
        """What changed since the checkpoint and may change last bits, in words."""

    def newest(self) -> Progress | None:
        """The newest checkpoint that is whole, with the log rewound to it.

        Returns:
            `None` where there is none, or where it belongs to a training with other settings, which is set aside.

        Raises:
            UserError: All are damaged.
        """
        saved = self._saved()
        for i, path in enumerate(saved):
            try:
                progress, facts = read(path)
                self.log.rewind(progress.offset)
            except UserError as damage:
                _note(str(damage))
                continue
            remove(*saved[:i])
            return self._accepted(path, progress, facts)
        if saved:
            raise UserError(
                f"{self._folder}: expected a checkpoint that is whole, got {len(saved)} that are not; "
                "remove the folder to train from the beginning",
                "checkpoint.damaged",
            )
        self.log.rewind(BEGINNING)
        return None

    def _accepted(self, path: Path, progress: Progress, facts: dict[str, Any]) -> Progress | None:
        """The progress, or `None` where it was made with other settings."""
        if other := differences(facts["numbers"], self._fingerprint.numbers):
            self._set_aside(other)
            return None
        self.run_id, self.other_bits = facts["run_id"], differences(facts["bits"], self._fingerprint.bits)
        _note(f"training resumes after step {progress.steps:,}, from {path}")
        if self.other_bits:
            _note(
                f"last bits may differ from those of a training without a break, since these changed: {self.other_bits}"
            )
        return progress

    def _set_aside(self, other: str) -> None:
        aside = self._folder / f"set-aside-{datetime.now():%Y%m%d-%H%M%S-%f}"
        # The newest first, and the log last: if this is cut short, the rest is as whole as it was.
        for path in (*self._saved(), self.log.path):
            move(path, aside / path.name)
        _note(
            f"training starts from the beginning: the checkpoint in {self._folder} was made with other settings, "
            f"{other}; it was moved to {aside}"
        )
        self.log.rewind(BEGINNING)

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.perf_counter() >= self._next_save

    def save(self, progress: Progress) -> Path:
        """Writes a checkpoint, removes the oldest beyond the limit, and returns its folder.

        Raises:
            UserError: It cannot be written.
        """
        start = time.perf_counter()
        saved = self._saved()
        path = self._folder / f"{int(saved[0].name) + 1 if saved else 1:06}"
        self.log.sync()
        write(path, progress, {"run_id": self.run_id, **asdict(self._fingerprint)})
        remove(*[path, *saved][self._keep :])
        now = time.perf_counter()
        self._next_save = now + max(self._seconds, _SHARE * (now - start))
        return path

    def remove(self) -> None:
        """Removes all of them, after the trained network is stored elsewhere."""
        # The oldest first, and the log last: if this is cut short, the newest is still whole.
        remove(*reversed(self._saved()), self.log.path)

    def _saved(self) -> list[Path]:
        """The newest first."""
        numbered = (path for path in self._folder.glob("*") if re.fullmatch("[0-9]+", path.name))
        return sorted(numbered, key=lambda path: int(path.name), reverse=True)


def write(folder: Path, progress: Progress, facts: Mapping[str, Any]) -> None:
    """Writes one checkpoint, with more JSON values, to a folder that appears when it is complete."""
    memory, now = progress.early_stop, progress.variables
    best = memory.best or Snapshot([], [])
    groups = {"state": progress.state, "now.weight": now.weights, "now.optimizer": now.optimizer}
    groups |= {"best.weight": best.weights, "best.optimizer": best.optimizer}
    arrays = {f"{group}.{i}": array for group, members in groups.items() for i, array in enumerate(members)}
    # In the arrays and not in the manifest: JSON has no infinity, which is the lowest loss before the first one.
    arrays["validation_losses"] = np.array([memory.lowest, memory.to_improve_on])
    # Without a validation its numbers are `None`, which is NaN in an array.
    arrays["epochs"] = np.array([astuple(record) for record in progress.epochs], np.float64)
    with making_folder(folder) as made:
        file = made / _ARRAYS
        np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called `allow_pickle`
        content = {
            "steps": progress.steps,
            "early_stop": {"looks_without": memory.looks_without, "best_epoch": memory.best_epoch},
            "seconds": progress.seconds._asdict(),
            "offset": progress.offset._asdict(),
            "arrays": file_entry(file),
            **facts,
        }
        MANIFEST.write_into(made, content)


def read(folder: Path) -> tuple[Progress, dict[str, Any]]:
    """Reads and verifies one checkpoint: the progress, and a mapping with the facts stored with it.

    Raises:
        UserError: Something is missing, damaged, edited, or of another version.
    """
    content = MANIFEST.read(folder)
    with MANIFEST.taking(folder):
        return _progress(folder, content), content


def _progress(folder: Path, content: Mapping[str, Any]) -> Progress:
    path = MANIFEST.verify(folder / _ARRAYS, content["arrays"], "the arrays of the checkpoint")
    arrays = MANIFEST.read_arrays(path)
    lowest, to_improve_on = arrays["validation_losses"].tolist()
    now, best = (Snapshot(_group(arrays, f"{of}.weight"), _group(arrays, f"{of}.optimizer")) for of in ("now", "best"))
    return Progress(
        steps=content["steps"],
        epochs=[_record(*row) for row in arrays["epochs"].tolist()],
        variables=now,
        state=_group(arrays, "state"),
        early_stop=Memory(lowest, to_improve_on, best=best if best.weights else None, **content["early_stop"]),
        seconds=Seconds(**content["seconds"]),
        offset=Offset(**content["offset"]),
    )


def _record(epoch: float, loss: float, accuracy: float, *rest: float) -> EpochRecord:
    *validation, rate = rest
    validation_loss, validation_accuracy = (None if np.isnan(number) else number for number in validation)
    return EpochRecord(int(epoch), loss, accuracy, validation_loss, validation_accuracy, rate)


def _group(arrays: Mapping[str, Array], group: str) -> list[Array]:
    count = sum(name.rpartition(".")[0] == group for name in arrays)
    return [arrays[f"{group}.{i}"] for i in range(count)]


def _note(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr)
