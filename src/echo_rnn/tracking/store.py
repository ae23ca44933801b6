"""The MLflow store: opened once, safely among several processes, and the life of a run in it."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from echo_rnn import environment
from echo_rnn.errors import Terminated, UserError, termination_raises
from echo_rnn.redact import redact
from echo_rnn.tracking.address import Address, require_answer
from echo_rnn.tracking.client import mlflow_errors, new_client
from echo_rnn.tracking.deliver import BackgroundDelivery, status_entry, stored_entries, undelivered
from echo_rnn.tracking.interface import Store, UnknownRunError
from echo_rnn.tracking.outbox import FOLDER, Header, Outbox, find_outboxes, has_entries
from echo_rnn.tracking.recover import deliver_outboxes, end_abandoned
from echo_rnn.tracking.run import MlflowRun, require_label

NOTE = "mlflow.note.content"
# How long the end of a run waits for its delivery. A server may be gone, while a database to which many processes write
# is only busy. A server that was unreachable when the store was opened is not waited for again.
SERVER_SECONDS, DATABASE_SECONDS, UNREACHABLE_SECONDS = 10, 120, 1
_RUN_ID = re.compile(r"[A-Za-z0-9]{1,64}")


class MlflowStore(Store):
    """An open store with its experiment."""

    def __init__(
        self, client: MlflowClient, address: Address, outboxes: Path, experiment: tuple[str, str], unreachable: str = ""
    ) -> None:
        """See `connect`.

        Args:
            client: Client of the store.
            address: The store.
            outboxes: The folder of the project's outboxes.
            experiment: Its name and its id.
            unreachable: Why the store does not answer; then only a run with an outbox can be resumed.
        """
        self.address = address.shown
        self.experiment_id = experiment[1]
        self._client = client
        self._address = address
        self._outboxes = outboxes
        self._experiment = experiment[0]
        self._unreachable = unreachable

    @contextmanager
    def run(self, name: str, description: str, tags: Mapping[str, str]) -> Iterator[MlflowRun]:
        """Opens a run."""
        require_label("run", name)
        shown = {key: redact(value) for key, value in (_origin() | {NOTE: description, **tags}).items()}
        # SIGTERM is caught before the run exists, so that there is no moment in which it stays RUNNING.
        with termination_raises():
            with self._requests():
                created = self._client.create_run(self.experiment_id, run_name=name, tags=shown)
            with self._open(self._new_outbox(created.info.run_id)) as run:
                yield run

    def resume(self, run_id: str) -> AbstractContextManager[MlflowRun]:
        """Resumes a run."""
        if not (self._unreachable and _RUN_ID.fullmatch(run_id) and has_entries(self._outboxes / run_id)):
            self._require_stored(run_id)
        return self._resumed(run_id)

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """The ids of the finished runs that have all of `tags`."""
        wanted = " and ".join(f"tags.`{name}` = {json.dumps(value)}" for name, value in tags.items())
        with self._requests():
            runs = self._client.search_runs([self.experiment_id], f"attributes.status = 'FINISHED' and {wanted}")
        return [run.info.run_id for run in runs]

    def _require_stored(self, run_id: str) -> None:
        code, unknown = "store.unknown_run", f"run {run_id[:40]!r} is not in the tracking store {self.address}"
        if not _RUN_ID.fullmatch(run_id):
            raise UnknownRunError(f"{unknown}; expected the id of a run, letters and digits", code)
        with self._requests():
            try:
                found = self._client.get_run(run_id)
            except MlflowException as error:
                if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                    raise
                raise UnknownRunError(f"{unknown}; it may have been made on another machine", code) from None
        if found.info.lifecycle_stage != "active":
            raise UnknownRunError(f"{unknown} any more: it was deleted", code)

    @contextmanager
    def _resumed(self, run_id: str) -> Iterator[MlflowRun]:
        with termination_raises():
            outbox = self._old_outbox(run_id)
            # Before it is RUNNING again: these tags show whether the process of a run is alive.
            outbox.append({"kind": "tags", "values": environment.process()}, status_entry("RUNNING"))
            with self._open(outbox) as run:
                yield run

    @contextmanager
    def _open(self, outbox: Outbox) -> Iterator[MlflowRun]:
        """Ends the run as its block ended; an error at the end never hides the block's own exception."""
        run, delivery = MlflowRun(outbox), BackgroundDelivery(self._client, outbox)
        try:
            yield run
        except BaseException as error:
            try:
                killed = isinstance(error, (KeyboardInterrupt, Terminated))
                self._end(outbox, delivery, "KILLED" if killed else "FAILED")
            except UserError as second:
                error.add_note(f"the run's end was not written down: {second}")
            raise
        self._end(outbox, delivery, "FINISHED")

    def _end(self, outbox: Outbox, delivery: BackgroundDelivery, status: str) -> None:
        at_most = SERVER_SECONDS if self._address.database is None else DATABASE_SECONDS
        try:
            outbox.append(status_entry(status))
        finally:
            try:
                if failure := delivery.finish(UNREACHABLE_SECONDS if self._unreachable else at_most):
                    print(undelivered(outbox, self._address, failure), file=sys.stderr)
            finally:
                outbox.close()

    def _new_outbox(self, run_id: str) -> Outbox:
        return Outbox.create(self._outboxes, Header(run_id, self._address.uri, self._experiment, self.experiment_id))

    def _old_outbox(self, run_id: str) -> Outbox:
        """The outbox that the run still has, or a new one with what the store has of the run."""
        try:
            return Outbox.reopen(self._outboxes / run_id, SERVER_SECONDS)
        except FileNotFoundError:
            with self._requests():
                stored = stored_entries(self._client, run_id)
            outbox = self._new_outbox(run_id)
            outbox.append(*stored)
            *_, last = outbox.entries()
            outbox.mark_delivered(last)
            return outbox

    @contextmanager
    def _requests(self) -> Iterator[None]:
        if self._unreachable:
            raise UserError(self._unreachable, "store.unreachable")
        with mlflow_errors(self.address):
            yield


def connect(address: Address, experiment: str, note: str, root: Path) -> MlflowStore:
    """Opens a store, creates what is missing, delivers its outboxes, ends abandoned runs.

    A server that does not answer is refused, unless a run of the experiment has an outbox, which can be resumed.
    """
    require_label("experiment", experiment)
    outboxes = root.absolute() / FOLDER
    headers, damaged = find_outboxes(outboxes)
    try:
        require_answer(address)
    except UserError as refusal:
        same = (each for each in headers.values() if (each.address, each.experiment) == (address.uri, experiment))
        if (known := next(same, None)) is None:
            raise
        known_id = known.experiment_id
        return MlflowStore(new_client(address), address, outboxes, (experiment, known_id), unreachable=str(refusal))
    client = new_client(address)
    with mlflow_errors(address.shown):
        found = client.get_experiment_by_name(experiment) or _create(client, experiment, address.artifacts, note)
    if found.lifecycle_stage != "active":
        raise UserError(
            f"tracking.experiment: '{experiment}' was deleted in this store; choose another name or restore it with "
            f"`mlflow experiments restore -x {found.experiment_id}`",
            "store.deleted_experiment",
        )
    for sentence in damaged + deliver_outboxes(client, address, outboxes, headers):
        print(sentence, file=sys.stderr)
    with mlflow_errors(address.shown):
        end_abandoned(client, found.experiment_id, find_outboxes(outboxes)[0])
    return MlflowStore(client, address, outboxes, (experiment, found.experiment_id))


def _create(client: MlflowClient, experiment: str, artifacts: Path | None, note: str) -> Experiment:
    location = None if artifacts is None else artifacts.as_uri()
    try:
        client.create_experiment(experiment, artifact_location=location, tags={NOTE: note})
    except MlflowException:
        # Another process may have created it just before.
        if client.get_experiment_by_name(experiment) is None:
            raise
    return client.get_experiment_by_name(experiment)


def _origin() -> dict[str, str]:
    """Tags of every run: facts of the environment, and under MLflow's own names those that its pages show."""
    facts = environment.facts()
    shown = {"mlflow.source.name": Path(sys.argv[0]).name, "mlflow.source.type": "LOCAL"}
    if "git.commit" in facts:
        shown["mlflow.source.git.commit"] = facts["git.commit"]
    return {**shown, **facts}
