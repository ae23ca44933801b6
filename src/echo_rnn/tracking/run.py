"""One open run: everything is written into its outbox, at the cost of a line in a file."""

import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from echo_rnn.errors import UserError
from echo_rnn.files import make_folder
from echo_rnn.redact import redact
from echo_rnn.tracking.deliver import MODEL, MOST_METRICS
from echo_rnn.tracking.outbox import Outbox

NOTE = "mlflow.note.content"
"""The tag that MLflow shows as the description of a run or an experiment."""
MetricRow = tuple[str, float, int]
"""Name, value and step of one number."""


@dataclass(frozen=True)
class Data:
    """A table of data that a run used.

    Attributes:
        name: For people.
        digest: Of its content.
        columns: Type by name: `integer`, `float` and so on.
        rows: Their number.
    """

    name: str
    digest: str
    columns: Mapping[str, str]
    rows: int

    @property
    def short_digest(self) -> str:
        """The part that MLflow stores."""
        return self.digest[:36]


_LONGEST_PARAMETER = 6000  # MLflow cuts longer ones; a resumed run compares its own with what is stored
_LONGEST_NAME = 200
# Letters of any language; no character that has a meaning in a path, an address or a terminal.
_PART_OF_A_PATH = r"[\w(][\w .,=@+()\-]*"


class Run:
    """One open run. `/` in the name of a metric makes sections of charts: `train/loss`, `test/accuracy`.

    No method waits for the store: entries are written into an outbox and delivered in the background; a run without an
    outbox stores nothing. MLflow stores a point of a metric as often as it gets it, and refuses another value of a
    parameter. So the points and parameters that the run has already are read from the outbox, and only new ones are
    added.
    """

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.id = outbox.header.run_id if outbox else ""
        self._outbox = outbox
        self._points: dict[tuple[str, int], float] = {}
        self._params: dict[str, str] = {}
        for entry in outbox.entries if outbox else ():
            match entry["kind"]:
                case "metrics":
                    self._points |= {(name, step): value for name, value, step, _ in entry["rows"]}
                case "params":
                    self._params |= entry["values"]

    def describe(self, text: str) -> None:
        """Sets or replaces the description, in Markdown."""
        self.set_tags({NOTE: text})

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Logs a nested configuration as parameters with dotted names, without credentials, cut where MLflow would."""
        values = {name: redact(value)[:_LONGEST_PARAMETER] for name, value in _flattened(config)}
        for name, value in values.items():
            known = self._params.get(name, value)
            if known != value:
                raise UserError(
                    f"parameter {name}: expected {known!r}, with which the run was begun, got {value!r}; start a new "
                    "run",
                    "run.parameter_differs",
                )
        if new := {name: value for name, value in values.items() if name not in self._params}:
            self._params |= new
            self._append("params", values=new)

    def log_metrics(self, rows: Iterable[MetricRow], *, remeasured: bool = False, of: Data | None = None) -> None:
        """Logs numbers, each metric once at each step, so that a resumed run may log the same numbers again.

        MLflow would store infinities as 1.8e308, so they are left out, and a tag names the last one.

        Args:
            rows: The numbers.
            remeasured: They were measured again: a value that differs is stored beside the older one, and shown.
            of: The data with which the run's model was evaluated; they become the model's numbers, too.
        """
        now = int(time.time() * 1000)
        new = []
        for name, number, step in rows:
            value = float(number)
            known = self._points.get((name, step))
            if not math.isfinite(value):
                self.set_tags({"metrics.non_finite": f"{name} at step {step}"})
            elif known is None or (remeasured and known != value):
                self._points[name, step] = value
                new.append([name, value, step, now])
        for start in range(0, len(new), MOST_METRICS):
            data = {"data": [of.name, of.short_digest]} if of else {}
            self._append("metrics", rows=new[start : start + MOST_METRICS], **data)

    def log_dataset(self, data: Data, source: str, context: str) -> None:
        """Logs an input of the run; `context` is its purpose, such as `training`.

        MLflow stores 36 characters of the digest, so the source holds all of it.
        """
        columns = [{"name": name, "type": kind, "required": True} for name, kind in data.columns.items()]
        self._append(
            "dataset",
            name=data.name,
            digest=data.short_digest,
            source=json.dumps({"uri": redact(source), "digest": data.digest}),
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps({"num_rows": data.rows}),
            context=context,
        )

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Copies a file into the run's artifacts."""
        if self._outbox is None:
            return
        _require_artifact_name(folder)
        _require_artifact_name(path.name)
        if not path.is_file():
            raise UserError(
                f"artifact: expected a file, got {path}, which is none; check what should have written it",
                "run.missing_artifact",
            )
        self._append("file", copy=self._outbox.copy_in(path), folder=folder)

    def log_text(self, text: str, file: str) -> None:
        """Writes `text` as an artifact named `file`."""
        _require_artifact_name(file)
        folder, _, name = file.rpartition("/")
        if self._outbox is not None:
            with self._outbox.adding(name) as (path, copy):
                path.write_text(redact(text), encoding="utf-8")
            self._append("file", copy=copy, folder=folder)

    def log_model(self, model: Any, example: np.ndarray) -> None:
        """Logs a Keras model with its signature under the run's name, in about 0.3 s; `example` is an input of it."""
        if self._outbox is None:
            return
        with self._outbox.adding(MODEL) as (path, copy):
            make_folder(path)
            _save_model(model, path, self.id, example)
        self._append("model", copy=copy)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Sets or replaces tags."""
        self._append("tags", values={name: redact(value) for name, value in tags.items()})

    def _append(self, kind: str, **content: Any) -> None:
        if self._outbox is not None:
            self._outbox.append({"kind": kind, **content})


def require_label(kind: str, name: str) -> None:
    """Raises a `UserError` unless `name` can name an experiment or a run; slashes and dots have no meaning there."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise _bad_name(kind, name, f"1 to {_LONGEST_NAME} printable characters")


def _require_artifact_name(path: str) -> None:
    """Raises a `UserError` unless `path` is a relative one of plain names; '' is the run's own folder."""
    plain = len(path) <= _LONGEST_NAME and all(re.fullmatch(_PART_OF_A_PATH, part) for part in path.split("/"))
    if path and not plain:
        raise _bad_name("artifact", path, "names below the run's folder, such as figures/curves.png")


def _bad_name(kind: str, name: str, expected: str) -> UserError:
    return UserError(f"name of the {kind}: expected {expected}, got {name[:40]!r}; choose another one", "run.bad_name")


def _flattened(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields dotted names and values of a nested configuration; values other than text are written as JSON."""
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, default=str)


def _save_model(model: Any, folder: Path, run_id: str, example: np.ndarray) -> None:
    """Saves a Keras model in MLflow's format; the store's id and address are added at its delivery.

    `mlflow.keras.log_model` would send it at once, to the one global store and run of the process, and in MLflow 3.17
    it fails when it is given an example.
    """
    # Here, because it imports TensorFlow, which most users of a store do not need.
    import mlflow.keras  # noqa: PLC0415
    from mlflow.models import Model, ModelSignature  # noqa: PLC0415
    from mlflow.types import Schema, TensorSpec  # noqa: PLC0415

    # Batch and time are free: a recurrent model reads series of any length.
    inputs, outputs = (
        Schema([TensorSpec(np.dtype("float32"), (-1, -1, width))])
        for width in (example.shape[-1], model.output_shape[-1])
    )
    mlflow.keras.save_model(
        model,
        str(folder),
        mlflow_model=Model(run_id=run_id),
        signature=ModelSignature(inputs=inputs, outputs=outputs),
        input_example=example,
        # Named here, because MLflow would load the model in a fresh process to find them.
        pip_requirements=[f"{package}=={version(package)}" for package in ("keras", "tensorflow", "numpy")],
    )
