"""Delivery of outboxes to MLflow: in order, repeated until it succeeds, stored once.

An answer may be lost although the store has done the request, so every request may be made twice. MLflow stores one of
two points that agree in name, value, step and time (the primary key of its table), which is why the time is written
down with the number; parameters, tags, states and files are replaced by the same; a dataset is an input once. Only for
a model the store is read first.

An entry that the store refuses, while it takes a tag of the same run, is passed over and stays in its outbox: what
follows is delivered. The tag says so; later commands try the entry again.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from echo_rnn.environment import host
from echo_rnn.errors import UserError, is_full
from echo_rnn.files import remove
from echo_rnn.tracking.address import Address, may_pass, new_client, parse, reason, require_answer, resolve
from echo_rnn.tracking.outbox import FOLDER, Entry, Header, InUseError, Outbox, find_outboxes, remove_leftovers

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

MOST_METRICS = 1000
"""MLflow's limit for a request."""
MODEL = "model"
LEFT_BEHIND = ("left_behind", "its process was gone, and a later command ended the run")
"""The tag of a run that did not record its own end; it stays where the run is resumed later."""
INCOMPLETE = "undelivered"
"""The tag of a run of which the store refuses something: what, and why."""
# Between two looks at the outbox: charts follow a training, and many numbers fit into one request.
_PAUSE_SECONDS = 2.0
# While the end of the run waits for the delivery.
_LAST_PAUSE_SECONDS = 0.2


def deliver_all(uri: str | None, root: Path, *, other_hosts: bool = False) -> int:
    """Delivers all outboxes of the project in `root`; returns how many runs are complete now.

    Args:
        uri: The configured store, as for `open_store`; each run is delivered to the store in which it was begun, and
            the credentials of the configured store are for no other one.
        root: The project's folder.
        other_hosts: Whether to deliver those of other machines, too; nobody can tell here whether their runs are alive.

    Raises:
        UserError: Something could not be delivered; it remains in its outbox.
    """
    configured, outboxes = resolve(uri, root), root / FOLDER
    remove_leftovers(outboxes)
    headers, sentences = find_outboxes(outboxes)
    if not other_hosts:
        for run_id in [run_id for run_id, header in headers.items() if not is_ours(header)]:
            sentences.append(
                f"run {run_id}: expected an outbox of this machine, got one of another, where the run may be at work; "
                "if it is not: python -m pipelines.deliver --other-hosts"
            )
            del headers[run_id]
    ours = set(headers)
    addresses = {parse(header.address, root).uri for header in headers.values()}
    # The configured store comes last: MLflow sends the credentials that it is given to every server from then on.
    for begun_in in sorted(addresses, key=lambda each: each == configured.uri):
        try:
            address = configured if begun_in == configured.uri else parse(begun_in, root)
            require_answer(address)
            sentences += deliver_outboxes(new_client(address), address, outboxes, headers)
        except UserError as refusal:
            sentences.append(str(refusal))
    if sentences:
        raise UserError("; ".join(sentences), "outbox.undelivered")
    return len(ours - find_outboxes(outboxes)[0].keys())


def is_ours(header: Header) -> bool:
    """Whether an outbox was begun on this machine, as far as that is known."""
    return header.host in ("", host())


def deliver_outboxes(
    client: "MlflowClient", address: Address, outboxes: Path, headers: Mapping[str, Header]
) -> list[str]:
    """Delivers those outboxes of a store that no live process holds, and ends their runs where that was not done.

    `headers` are by run id, for this store and others. Returns a sentence for each run of which something is left.
    Where the store stops answering, the rest are not tried.
    """
    sentences: list[str] = []
    root = outboxes.parent
    here = [run_id for run_id, header in headers.items() if parse(header.address, root).uri == address.uri]
    for number, run_id in enumerate(here):
        try:
            outbox = Outbox(outboxes / run_id)
            _remove_half_copies(address, run_id)
            try:
                if not outbox.ended:
                    outbox.append({"kind": "tags", "values": dict([LEFT_BEHIND])}, status_entry("KILLED"))
                _deliver(client, address, outbox)
                if outbox.refused:
                    sentences.append(_refused(outbox, address))
            except Exception as error:  # of any kind: the command that found the outbox has other work to do
                sentences.append(undelivered(outbox, address, error))
                if may_pass(error, address) and number + 1 < len(here):
                    sentences.append(f"{len(here) - number - 1} more runs were not tried")
                    break
            finally:
                outbox.close()
        except (InUseError, FileNotFoundError):
            continue  # its process is alive, or another one has just delivered it
        except UserError as damage:
            sentences.append(str(damage))
    return sentences


def _remove_half_copies(address: Address, run_id: str) -> None:
    """Removes what MLflow left of artifacts where a process was killed while they were copied to an embedded store."""
    if address.artifacts is not None:
        remove(*(address.artifacts / run_id).rglob(".artifact.uploading.*"))


class BackgroundDelivery:
    """A thread that delivers an outbox until `finish`, so that nothing waits for a slow or unreachable store."""

    def __init__(self, client: "MlflowClient", address: Address, outbox: Outbox) -> None:
        self._client = client
        self._address = address
        self._outbox = outbox
        self._failure: Exception | None = None
        self._complete = threading.Event()  # nothing more will be added to the outbox
        self._given_up = threading.Event()
        # A daemon: a request without an answer must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name="delivery", daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> str:
        """Delivers the rest, for at most some seconds; returns a sentence if something is left, else ''.

        What the store refuses is not asked for again.
        """
        self._complete.set()
        self._thread.join(seconds)
        self._given_up.set()
        if self._outbox.undelivered:
            return undelivered(self._outbox, self._address, self._failure or TimeoutError("it did not answer in time"))
        return _refused(self._outbox, self._address) if self._outbox.refused else ""

    def _work(self) -> None:
        while not self._given_up.is_set():
            complete = self._complete.is_set()
            try:
                self._failure = _deliver(self._client, self._address, self._outbox, self._given_up.is_set)
            except Exception as error:  # of any kind: training continues, and the next attempt may succeed
                self._failure = error
            passing = self._failure is not None and may_pass(self._failure, self._address)
            if complete and not passing:
                return
            if passing:
                self._outbox.retry()
            event, seconds = (self._given_up, _LAST_PAUSE_SECONDS) if complete else (self._complete, _PAUSE_SECONDS)
            event.wait(seconds)


def status_entry(status: str) -> Entry:
    """The entry for a run that is RUNNING again, or ends, now."""
    return {"kind": "status", "status": status, "milliseconds": int(time.time() * 1000)}


def undelivered(outbox: Outbox, address: Address, error: Exception) -> str:
    """The sentence for an outbox that could not be delivered completely."""
    if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
        return (
            f"run {outbox.header.run_id}: expected it in {address.shown}, got a store that does not know it ("
            f"{reason(error)}); bring that store back, or remove {outbox.folder}, with which the rest is lost"
        )
    return (
        f"run {outbox.header.run_id}: not all of it is in {address.shown} yet ({reason(error)}); the rest is stored in "
        f"{outbox.folder}, and `python -m pipelines.deliver` delivers it"
    )


def _refused(outbox: Outbox, address: Address) -> str:
    """The sentence for an outbox of which everything is in the store but what the store refuses."""
    return (
        f"run {outbox.header.run_id}: expected {address.shown} to take all of it, got a refusal of "
        f"{', and of '.join(outbox.refusals)}; all else is there, that stays in {outbox.folder}: mend the cause and "
        "run `python -m pipelines.deliver`, or remove that folder"
    )


def _deliver(
    client: "MlflowClient", address: Address, outbox: Outbox, stop: Callable[[], bool] = lambda: False
) -> Exception | None:
    """Delivers what is left, in order, and passes over what the store refuses.

    Returns:
        Why something was passed over, one that may pass rather than another; None where nothing was.

    Raises:
        Exception: The store takes nothing of this run now.
    """
    refusal: Exception | None = None
    most: int | None = None  # entries in a request
    while (rest := outbox.undelivered) and not stop():
        entries = _for_one_request(rest)[:most]
        incomplete = bool(outbox.refused)
        try:
            _send(client, outbox, entries)
        except Exception as error:
            if not _takes_more(client, address, outbox, entries[0], error):
                raise
            most = len(entries) // 2 or None  # looks for the one that is refused
            if len(entries) == 1:
                refusal = error if refusal is None or may_pass(error, address) else refusal
                outbox.pass_over(reason(error))
            continue
        most = most and 2 * most
        outbox.mark_delivered(len(entries))
        if incomplete and not outbox.refused:
            with suppress(Exception):  # somebody may have removed it
                client.delete_tag(outbox.header.run_id, INCOMPLETE)
    return refusal


def _takes_more(client: "MlflowClient", address: Address, outbox: Outbox, entry: Entry, error: Exception) -> bool:
    """Whether a store that refused an entry takes others of the run: it is asked to take a tag that says so."""
    if is_full(error) or (address.database is not None and may_pass(error, address)):
        return False
    what = Path(entry["copy"]).name if "copy" in entry else entry["kind"]
    try:
        client.set_tag(outbox.header.run_id, INCOMPLETE, f"{what}: {reason(error)}")
    except Exception:
        return False
    return True


def _for_one_request(rest: list[Entry]) -> list[Entry]:
    """The next entry, or metrics that follow each other, up to a request.

    A request may be the last one that is waited for: what it has delivered is not sent again.
    """
    first, *others = rest
    if first["kind"] != "metrics":
        return [first]
    alike = takewhile(lambda each: (each["kind"], each.get("data")) == ("metrics", first.get("data")), others)
    return [first, *_within_a_request(len(first["rows"]), alike)]


def _send(client: "MlflowClient", outbox: Outbox, entries: Sequence[Entry]) -> None:
    """Makes the requests for an entry, or for several of metrics."""
    from mlflow import entities  # noqa: PLC0415

    run_id, entry = outbox.header.run_id, entries[0]
    match entry["kind"]:
        case _ if "copy" in entry and not (outbox.folder / entry["copy"]).exists():
            client.set_tag(run_id, "lost", f"{Path(entry['copy']).name} was removed before it was delivered")
        case "metrics":
            model = _model_of(client, outbox) if "data" in entry else None
            _log(client, run_id, chain(*(each["rows"] for each in entries)), model, entry.get("data"))
        case "params":
            client.log_batch(run_id, params=[entities.Param(*pair) for pair in entry["values"].items()])
        case "tags":
            client.log_batch(run_id, tags=[entities.RunTag(*pair) for pair in entry["values"].items()])
        case "dataset":
            parts = {name: entry[name] for name in ("name", "digest", "source", "schema", "profile") if name in entry}
            data = entities.Dataset(**parts, source_type="local")
            tag = entities.InputTag(key="mlflow.data.context", value=entry["context"])
            client.log_inputs(run_id, datasets=[entities.DatasetInput(dataset=data, tags=[tag])])
        case "file":
            client.log_artifact(run_id, str(outbox.folder / entry["copy"]), artifact_path=entry["folder"] or None)
        case "model":
            _deliver_model(client, outbox, entry)
        case "status" if entry["status"] == "RUNNING":
            client.update_run(run_id, status="RUNNING")
        case "status":
            client.set_terminated(run_id, status=entry["status"], end_time=entry["milliseconds"])


def _within_a_request(rows: int, entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries that fit into a request beside so many numbers."""
    for entry in entries:
        rows += len(entry["rows"])
        if rows > MOST_METRICS:
            return
        yield entry


def _log(
    client: "MlflowClient", run_id: str, rows: Iterable[Sequence[Any]], model: "LoggedModel | None", data: Any
) -> None:
    """Logs numbers of a run, and of its model with the data that gave them; what is stored already stays once.

    A model's number that is sent twice makes a database refuse all that are sent with it.
    """
    from mlflow.entities import Metric  # noqa: PLC0415

    of_model: dict[str, str] = {"model_id": model.model_id} if model else {}
    if model and data:
        of_model |= {"dataset_name": data[0], "dataset_digest": data[1]}
    there = {(metric.key, metric.step, metric.timestamp) for metric in (model and model.metrics) or ()}
    metrics = [
        Metric(name, value, at, step, **({} if (name, step, at) in there else of_model))
        for name, value, step, at in rows
    ]
    for start in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + MOST_METRICS])


def _model_of(client: "MlflowClient", outbox: Outbox) -> "LoggedModel | None":
    """The one model of the run in the store; None where it has none."""
    found = client.search_logged_models([outbox.header.experiment_id], f"source_run_id = '{outbox.header.run_id}'")
    return found[0] if found else None


def _deliver_model(client: "MlflowClient", outbox: Outbox, entry: Entry) -> None:
    """Delivers the one model of the run, into the one that the store has already if it has one.

    It has the run's name, its parameters, and the last of each of its numbers, as numbers of its training data.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus  # noqa: PLC0415
    from mlflow.models import Model  # noqa: PLC0415

    run_id, entries = outbox.header.run_id, outbox.entries
    logged = _model_of(client, outbox)
    if logged is None:
        name = re.sub(r"[^\w ()=,-]", "_", client.get_run(run_id).info.run_name)
        params = {name: value for each in entries if each["kind"] == "params" for name, value in each["values"].items()}
        logged = client.create_logged_model(outbox.header.experiment_id, name, source_run_id=run_id, params=params)
    last = {row[0]: row for each in entries if each["kind"] == "metrics" and "data" not in each for row in each["rows"]}
    used = next(([each["name"], each["digest"]] for each in entries if each["kind"] == "dataset"), None)
    _log(client, run_id, last.values(), logged, used)
    folder = outbox.folder / entry["copy"]
    # Not `Model.load`, which takes a `%` in a path for an escaped character.
    description = Model.from_dict(yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8")))
    description.model_id = description.model_uuid = logged.model_id
    description.artifact_path = logged.artifact_location
    description.save(str(folder / "MLmodel"))
    client.log_model_artifacts(logged.model_id, str(folder))
    outputs = client.get_run(run_id).outputs
    if logged.model_id not in {output.model_id for output in outputs.model_outputs}:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
