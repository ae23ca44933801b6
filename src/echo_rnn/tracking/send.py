"""Entries of a journal as requests to MLflow, in order, as often as it takes, and kept once.

An answer may be lost although the store has done what it was asked, so that every request may be made twice. MLflow
keeps one of two points that agree in name, value, step and time (the primary key of its table), which is why the time
is written down with the number; parameters, tags, states and files are replaced by the same; a dataset is an input
once. Only a model needs a look at what is there.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
)

from echo_rnn.tracking.journal import Entry, Journal, Line

MOST_METRICS = 1000
"""MLflow's limit for a request."""
MODEL = "model"
_WORDS = {
    "params": "parameter",
    "metrics": "number",
    "tags": "tag",
    "dataset": "dataset",
    "file": "file",
    "model": "model",
    "status": "state",
}


class Sender:
    """Sends what one journal holds."""

    def __init__(self, client: MlflowClient, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self._run_id = journal.header.run_id
        self._kinds = {
            "params": self._params,
            "tags": self._tags,
            "dataset": self._dataset,
            "file": self._file,
            "model": self._model,
            "status": self._status,
        }

    def send_next(self) -> bool:
        """Sends the next entry, or numbers that follow each other up to `MOST_METRICS`; False if nothing is left."""
        lines = list(_together(self._journal.unsent))
        if not lines:
            return False
        entry = lines[0].entry
        if entry["do"] == "metrics":
            rows = [row for line in lines for row in line.entry["rows"]]
            metrics = [Metric(name, value, milliseconds, step) for name, value, step, milliseconds in rows]
            self._client.log_batch(self._run_id, metrics=metrics)
        else:
            self._kinds[entry["do"]](entry)
        self._journal.mark_sent(lines[-1])
        return True

    def _params(self, entry: Entry) -> None:
        self._client.log_batch(self._run_id, params=[Param(*pair) for pair in entry["values"].items()])

    def _tags(self, entry: Entry) -> None:
        self._client.log_batch(self._run_id, tags=[RunTag(*pair) for pair in entry["values"].items()])

    def _dataset(self, entry: Entry) -> None:
        data = Dataset(entry["name"], entry["digest"], source_type="local", source=entry["source"])
        tag = InputTag(key="mlflow.data.context", value=entry["context"])
        self._client.log_inputs(self._run_id, datasets=[DatasetInput(dataset=data, tags=[tag])])

    def _file(self, entry: Entry) -> None:
        self._client.log_artifact(self._run_id, str(self._kept(entry)), artifact_path=entry["folder"] or None)

    def _status(self, entry: Entry) -> None:
        if entry["status"] == "RUNNING":
            self._client.update_run(self._run_id, status="RUNNING")
        else:
            self._client.set_terminated(self._run_id, status=entry["status"], end_time=entry["milliseconds"])

    def _model(self, entry: Entry) -> None:
        logged = self._logged_model()
        folder = self._kept(entry)
        # Here and not above: it imports half a second of what most entries do not need.
        from mlflow.models import Model  # noqa: PLC0415

        description = Model.load(str(folder))
        description.model_id = description.model_uuid = logged.model_id
        description.artifact_path = logged.artifact_location
        description.save(str(folder / "MLmodel"))
        self._client.log_model_artifacts(logged.model_id, str(folder))
        outputs = self._client.get_run(self._run_id).outputs
        if logged.model_id not in {output.model_id for output in outputs.model_outputs}:
            self._client.log_outputs(self._run_id, [LoggedModelOutput(logged.model_id, step=0)])
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)

    def _logged_model(self) -> LoggedModel:
        """The run's model as the store knows it: a run has one."""
        experiment_id = self._journal.header.experiment_id
        found = self._client.search_logged_models([experiment_id], f"source_run_id = '{self._run_id}'")
        return found[0] if found else self._client.create_logged_model(experiment_id, MODEL, source_run_id=self._run_id)

    def _kept(self, entry: Entry) -> Path:
        return Path(self._journal.folder, entry["kept"])


def state(status: str) -> Entry:
    """The entry for a run that begins again, or ends, now."""
    return {"do": "status", "status": status, "milliseconds": int(time.time() * 1000)}


def rest_of(journal: Journal) -> str:
    """What a store does not have of a journal, in words; empty if it has everything."""
    counts: Counter[str] = Counter()
    for entry, _ in journal.unsent:
        counts[_WORDS[entry["do"]]] += len(entry.get("rows") or entry.get("values") or [entry])
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts.items())


def _together(lines: Iterator[Line]) -> Iterator[Line]:
    """The first line; where it holds metrics, also those after it that do and fit into the same request."""
    count = 0
    for line in lines:
        rows = line.entry["rows"] if line.entry["do"] == "metrics" else None
        if count and (rows is None or count + len(rows) > MOST_METRICS):
            return
        yield line
        if rows is None:
            return
        count += len(rows)
