"""Delivery of an outbox to MLflow: in order, repeated until it succeeds, stored once.

An answer may be lost although the store has done the request, so every request may be made twice. MLflow stores one of
two points that agree in name, value, step and time (the primary key of its table), which is why the time is written
down with the number; parameters, tags, states and files are replaced by the same; a dataset is an input once. Only for
a model the store is read first.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
)

from echo_rnn.tracking.address import Address
from echo_rnn.tracking.client import first_line
from echo_rnn.tracking.outbox import Entry, Line, Outbox

MOST_METRICS = 1000
"""MLflow's limit for a request."""
MODEL = "model"
NON_FINITE_TAG = "metrics.non_finite"
COMMAND = "python -m pipelines.deliver"
_NOUNS = {"params": "parameter", "metrics": "number", "status": "state"}
# Between two looks at the outbox: charts follow a training, and many numbers fit into one request.
_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 10.0
# While the end of the run waits for the delivery.
_LAST_PAUSE_SECONDS = 0.2


def deliver_next(client: MlflowClient, outbox: Outbox) -> bool:
    """Delivers the next entry, or consecutive metrics up to `MOST_METRICS`; False if nothing is left."""
    lines = list(_next_request(outbox.undelivered))
    if not lines:
        return False
    run_id, entry = outbox.header.run_id, lines[0].entry
    match entry["kind"]:
        case "metrics":
            rows = [row for line in lines for row in line.entry["rows"]]
            metrics = [Metric(name, value, milliseconds, step) for name, value, step, milliseconds in rows]
            client.log_batch(run_id, metrics=metrics)
        case "params":
            client.log_batch(run_id, params=[Param(*pair) for pair in entry["values"].items()])
        case "tags":
            client.log_batch(run_id, tags=[RunTag(*pair) for pair in entry["values"].items()])
        case "dataset":
            data = Dataset(entry["name"], entry["digest"], source_type="local", source=entry["source"])
            tag = InputTag(key="mlflow.data.context", value=entry["context"])
            client.log_inputs(run_id, datasets=[DatasetInput(dataset=data, tags=[tag])])
        case "file":
            client.log_artifact(run_id, str(outbox.folder / entry["copy"]), artifact_path=entry["folder"] or None)
        case "model":
            _deliver_model(client, outbox, entry)
        case "status" if entry["status"] == "RUNNING":
            client.update_run(run_id, status="RUNNING")
        case "status":
            client.set_terminated(run_id, status=entry["status"], end_time=entry["milliseconds"])
    outbox.mark_delivered(lines[-1])
    return True


class BackgroundDelivery:
    """A thread that delivers an outbox until `finish`, so that nothing waits for a slow or unreachable store."""

    def __init__(self, client: MlflowClient, outbox: Outbox) -> None:
        self._client = client
        self._outbox = outbox
        self._failure = ""
        self._complete = threading.Event()  # nothing more will be added to the outbox
        self._given_up = threading.Event()
        # A daemon: a request without an answer must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name="delivery", daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> str:
        """Delivers the rest, for at most some seconds; returns why something is left, '' if nothing is."""
        self._complete.set()
        self._thread.join(seconds)
        self._given_up.set()
        return rest_of(self._outbox) and (self._failure or "it did not answer in time")

    def _work(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._given_up.is_set():
            complete = self._complete.is_set()
            try:
                while deliver_next(self._client, self._outbox) and not self._given_up.is_set():
                    self._failure = ""
                if complete:
                    return
                pause = _PAUSE_SECONDS
            except Exception as error:  # of any kind: training continues, and the next attempt may succeed
                self._failure = first_line(error)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if complete:
                self._given_up.wait(_LAST_PAUSE_SECONDS)
            else:
                self._complete.wait(pause)


def stored_entries(client: MlflowClient, run_id: str) -> list[Entry]:
    """What the store has of a run that a resumed run must not log again, as entries."""
    run = client.get_run(run_id)
    points = [point for name in run.data.metrics for point in client.get_metric_history(run_id, name)]
    rows = [[point.key, point.value, point.step, point.timestamp] for point in points if math.isfinite(point.value)]
    left_out = {name: value for name, value in run.data.tags.items() if name == NON_FINITE_TAG}
    return [
        {"kind": "metrics", "rows": rows},
        {"kind": "params", "values": run.data.params},
        {"kind": "tags", "values": left_out},
    ]


def status_entry(status: str) -> Entry:
    """The entry for a run that is RUNNING again, or ends, now."""
    return {"kind": "status", "status": status, "milliseconds": int(time.time() * 1000)}


def rest_of(outbox: Outbox) -> str:
    """The number of undelivered entries of each kind as text; empty if all are delivered."""
    counts: Counter[str] = Counter()
    for entry, _ in outbox.undelivered:
        kind = entry["kind"]
        counts[_NOUNS.get(kind, kind.removesuffix("s"))] += len(entry.get("rows") or entry.get("values") or [entry])
    return ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for noun, count in counts.items())


def undelivered(outbox: Outbox, address: Address, reason: str) -> str:
    """The sentence for an outbox that could not be delivered completely."""
    return (
        f"run {outbox.header.run_id}: {rest_of(outbox)} not yet in {address.shown} ({reason}); "
        f"stored in {outbox.folder}, and `{COMMAND}` delivers them"
    )


def _next_request(lines: Iterator[Line]) -> Iterator[Line]:
    """The first line; if it holds metrics, also the following ones that do and fit into the same request."""
    count = 0
    for line in lines:
        rows = line.entry["rows"] if line.entry["kind"] == "metrics" else None
        if count and (rows is None or count + len(rows) > MOST_METRICS):
            return
        yield line
        if rows is None:
            return
        count += len(rows)


def _deliver_model(client: MlflowClient, outbox: Outbox, entry: Entry) -> None:
    """Delivers the one model of the run, into the one that the store has already if it has one."""
    # Here, because it takes half a second to import, and most entries do not need it.
    from mlflow.models import Model  # noqa: PLC0415

    run_id, experiment_id = outbox.header.run_id, outbox.header.experiment_id
    existing = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    logged = existing[0] if existing else client.create_logged_model(experiment_id, MODEL, source_run_id=run_id)
    folder = outbox.folder / entry["copy"]
    description = Model.load(str(folder))
    description.model_id = description.model_uuid = logged.model_id
    description.artifact_path = logged.artifact_location
    description.save(str(folder / "MLmodel"))
    client.log_model_artifacts(logged.model_id, str(folder))
    outputs = client.get_run(run_id).outputs
    if logged.model_id not in {output.model_id for output in outputs.model_outputs}:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
