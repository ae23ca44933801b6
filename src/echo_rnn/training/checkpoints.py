"""The checkpoints of one training: written now and then, the last few kept, the newest whole one gone on from."""

import re
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from echo_rnn.config import schema
from echo_rnn.errors import UserError
from echo_rnn.files import unwritable
from echo_rnn.training import checkpoint
from echo_rnn.training.fingerprint import Fingerprint, differences
from echo_rnn.training.history import Logs, Marks
from echo_rnn.training.progress import Progress

_SHARE = 20


class Checkpoints:
    """A folder of numbered checkpoints, and the logs of the history that they share.

    Every number of the history is written once, and a checkpoint says how much of it was there: it costs the same
    however long the training has been. Whoever uses the folder must be alone in it.
    """

    def __init__(self, folder: Path, fingerprint: Fingerprint, settings: schema.Checkpoint) -> None:
        """Nothing is read or written yet.

        Args:
            folder: Where they are; it may be missing.
            fingerprint: Of the training as it is now.
            settings: How often, and how many.
        """
        self._folder = folder
        self._fingerprint = fingerprint
        self._settings = settings
        self._next_save = 0.0
        self.logs = Logs(folder)
        self.run_id = ""
        """The tracking run of the training."""
        self.other_bits = ""
        """What changed since the checkpoint and may change last bits, in words."""

    def newest(self) -> Progress | None:
        """The newest checkpoint that is whole, with the logs as they were then.

        Returns:
            `None` where there is none, or where it belongs to a training of other settings, which is set aside.

        Raises:
            UserError: All are damaged.
        """
        for leftover in self._folder.glob(".*"):
            _remove(leftover)  # of a process that was killed while it wrote
        saved = self._saved()
        for i, path in enumerate(saved):
            try:
                progress, facts = checkpoint.read(path)
                self.logs.rewind(progress.marks)
            except UserError as damage:
                _say(str(damage))
                continue
            for damaged in saved[:i]:
                _remove(damaged)
            return self._accepted(path, progress, facts)
        if saved:
            raise UserError(
                f"{self._folder}: expected a checkpoint that is whole, found {len(saved)} that are not; "
                "remove the folder to train from the beginning"
            )
        self.logs.rewind(Marks())
        return None

    def _accepted(self, path: Path, progress: Progress, facts: dict[str, Any]) -> Progress | None:
        """The progress, unless other settings made it."""
        if other := differences(facts["numbers"], self._fingerprint.numbers):
            self._set_aside(other)
            return None
        self.run_id, self.other_bits = facts["run_id"], differences(facts["bits"], self._fingerprint.bits)
        _say(f"training goes on after step {progress.steps:,}, from {path}")
        if self.other_bits:
            _say(
                f"last bits may differ from those of a training without a break, since these changed: {self.other_bits}"
            )
        return progress

    def _set_aside(self, other: str) -> None:
        aside = self._folder / f"set-aside-{datetime.now():%Y%m%d-%H%M%S-%f}"
        try:
            aside.mkdir()
            # The newest first, and the logs last: if this is cut short, the rest is as whole as it was.
            for path in (*self._saved(), *self.logs.paths):
                path.rename(aside / path.name)
        except OSError as error:
            raise unwritable(aside, error) from error
        _say(
            f"training starts from the beginning: the checkpoint in {self._folder} was made with other settings, "
            f"{other}; it is kept in {aside}"
        )
        self.logs.rewind(Marks())

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.perf_counter() >= self._next_save

    def save(self, progress: Progress) -> Path:
        """Writes a checkpoint, removes those that are too many, and says where it is.

        Raises:
            UserError: It cannot be written.
        """
        start = time.perf_counter()
        saved = self._saved()
        path = self._folder / f"{int(saved[0].name) + 1 if saved else 1:06}"
        try:
            checkpoint.write(path, progress, {"run_id": self.run_id, **self._fingerprint.stated()})
        except OSError as error:
            raise unwritable(path, error) from error
        for old in [path, *saved][self._settings.keep :]:
            _remove(old)
        now = time.perf_counter()
        self._next_save = now + max(self._settings.seconds, _SHARE * (now - start))
        return path

    def remove(self) -> None:
        """Removes all of them, once what the training gave is elsewhere."""
        # The oldest first, and the logs last: if this is cut short, the newest is still whole.
        for path in (*reversed(self._saved()), *self.logs.paths):
            _remove(path)

    def _saved(self) -> list[Path]:
        """The newest first."""
        numbered = (path for path in self._folder.glob("*") if re.fullmatch("[0-9]+", path.name))
        return sorted(numbered, key=lambda path: int(path.name), reverse=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _say(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr)
