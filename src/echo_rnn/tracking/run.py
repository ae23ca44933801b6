"""One open run: everything goes into its journal, at the cost of a line in a file; the uploader does the rest."""

import json
import math
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from echo_rnn.errors import UserError
from echo_rnn.redact import redact
from echo_rnn.tracking.interface import MetricRow
from echo_rnn.tracking.journal import Journal
from echo_rnn.tracking.known import NON_FINITE_TAG, Known
from echo_rnn.tracking.names import require_artifact
from echo_rnn.tracking.parameters import flatten, shortened
from echo_rnn.tracking.send import MODEL, MOST_METRICS

DIGEST_LENGTH = 36


class JournaledRun:
    """See `interface.Run`."""

    def __init__(self, journal: Journal) -> None:
        self.id = journal.header.run_id
        self._journal = journal
        self._known = Known(journal.lines())

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Logs every value; what MLflow would not keep whole is cut with a mark, credentials are hidden."""
        values = {name: shortened(redact(value)) for name, value in flatten(config)}
        if new := self._known.new_params(values):
            self._journal.append({"do": "params", "values": new})

    def log_metrics(self, rows: Iterable[MetricRow], *, again: bool = False) -> None:
        """Logs the finite numbers; MLflow would store infinities as 1.8e308, so a tag counts those left out."""
        numbers = [(name, float(value), step) for name, value, step in rows]
        finite = [row for row in numbers if math.isfinite(row[1])]
        now = int(time.time() * 1000)
        timed = [[*row, now] for row in self._known.new_points(finite, again=again)]
        for start in range(0, len(timed), MOST_METRICS):
            self._journal.append({"do": "metrics", "rows": timed[start : start + MOST_METRICS]})
        if len(finite) < len(numbers):
            self._known.non_finite += len(numbers) - len(finite)
            self.set_tags({NON_FINITE_TAG: str(self._known.non_finite)})

    def log_dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """Logs a dataset as input; MLflow keeps 36 characters of the digest, so the source holds all of it."""
        described = json.dumps({"uri": redact(source), "digest": digest})
        entry = {"name": name, "digest": digest[:DIGEST_LENGTH], "source": described, "context": context}
        self._journal.append({"do": "dataset", **entry})

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Copies a file into the run's artifacts."""
        require_artifact(folder)
        require_artifact(path.name)
        if not path.is_file():
            raise UserError(
                f"artifact: expected a file, got {path}, which is none; look at what should have written it"
            )
        self._journal.append({"do": "file", "kept": self._journal.keep(path), "folder": folder})

    def log_text(self, text: str, file: str) -> None:
        """Writes `text` as an artifact named `file`."""
        require_artifact(file)
        name = PurePosixPath(file)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, name.name)
            path.write_text(redact(text), encoding="utf-8")
            self.log_artifact(path, "" if name.parent == PurePosixPath() else str(name.parent))

    def log_model(self, model: Any, example: np.ndarray) -> None:
        """Logs a Keras model, about 0.3 s for a small one."""
        # Here and not above: it imports TensorFlow, which most users of a store do not need.
        from echo_rnn.tracking.keras_model import save_keras_model  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, MODEL)
            folder.mkdir()
            save_keras_model(model, folder, self.id, example)
            self._journal.append({"do": "model", "kept": self._journal.keep(folder)})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Sets or replaces tags."""
        self._journal.append({"do": "tags", "values": {name: redact(value) for name, value in tags.items()}})
