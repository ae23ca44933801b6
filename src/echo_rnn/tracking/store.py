"""The MLflow store: opened once, safely among many processes, and the life of a run in it."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.entities import Experiment, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from echo_rnn import environment
from echo_rnn.errors import UserError
from echo_rnn.tracking.abandoned import end_abandoned
from echo_rnn.tracking.address import Address
from echo_rnn.tracking.failures import one_sentence_of
from echo_rnn.tracking.interface import UnknownRunError
from echo_rnn.tracking.run import MlflowRun
from echo_rnn.tracking.server import require_answer
from echo_rnn.tracking.termination import Terminated, termination_raises

LOCK_SECONDS = 120
NOTE = "mlflow.note.content"


class MlflowStore:
    """An open store with its experiment."""

    def __init__(self, client: MlflowClient, address: Address, experiment_id: str) -> None:
        self.address = str(address.database or address.uri)
        self.experiment_id = experiment_id
        self._client = client

    def run(self, name: str, description: str, tags: Mapping[str, str]) -> AbstractContextManager[MlflowRun]:
        """Opens a run; see `interface.Store`."""
        return self._opened(name, {NOTE: description, **tags})

    def resume(self, run_id: str) -> AbstractContextManager[MlflowRun]:
        """Continues a run; see `interface.Store`."""
        unknown = f"run {run_id} is not in the tracking store {self.address}"
        with one_sentence_of(self.address):
            try:
                found = self._client.get_run(run_id)
            except MlflowException as error:
                if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                    raise
                raise UnknownRunError(f"{unknown}; it may have been made on another machine") from None
        if found.info.lifecycle_stage != "active":
            raise UnknownRunError(f"{unknown} any more: it was deleted")
        return self._continued(run_id)

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """See `interface.Store`."""
        wanted = " and ".join(f"tags.`{name}` = {json.dumps(value)}" for name, value in tags.items())
        with one_sentence_of(self.address):
            found = self._client.search_runs([self.experiment_id], f"attributes.status = 'FINISHED' and {wanted}")
        return [run.info.run_id for run in found]

    @contextmanager
    def _opened(self, name: str, tags: Mapping[str, str]) -> Iterator[MlflowRun]:
        # SIGTERM is caught before the run exists, so that there is no moment in which it stays RUNNING.
        with termination_raises():
            with one_sentence_of(self.address):
                created = self._client.create_run(self.experiment_id, run_name=name, tags={**_origin(), **tags})
            run_id = created.info.run_id
            with self._ending(run_id):
                yield MlflowRun(self._client, self.address, run_id, self.experiment_id)

    @contextmanager
    def _continued(self, run_id: str) -> Iterator[MlflowRun]:
        with termination_raises():
            run = MlflowRun(self._client, self.address, run_id, self.experiment_id)
            # Before it is running again: whoever looks for runs whose process has died must look for this one.
            run.set_tags(environment.process())
            with one_sentence_of(self.address):
                self._client.update_run(run_id, status=RunStatus.to_string(RunStatus.RUNNING))
            with self._ending(run_id):
                yield run

    @contextmanager
    def _ending(self, run_id: str) -> Iterator[None]:
        """Gives the run the end that the block had; a store that is gone never hides the block's own exception."""
        try:
            yield
        except BaseException as error:
            status = RunStatus.KILLED if isinstance(error, (KeyboardInterrupt, Terminated)) else RunStatus.FAILED
            try:
                self._terminate(run_id, status)
            except UserError as second:
                error.add_note(f"run {run_id} stays RUNNING: {second}")
            raise
        self._terminate(run_id, RunStatus.FINISHED)

    def _terminate(self, run_id: str, status: int) -> None:
        with one_sentence_of(self.address):
            self._client.set_terminated(run_id, status=RunStatus.to_string(status))


def connect(address: Address, experiment: str, note: str) -> MlflowStore:
    """Opens the store behind `address`, creates what is missing, and ends runs whose process is gone."""
    if address.database is None:
        require_answer(address.uri)
        _hand_over(address.credentials)
        return _connect(address, experiment, note)
    # Two processes that create the tables at once leave a database that no process can open again.
    try:
        with FileLock(f"{address.database}.lock", timeout=LOCK_SECONDS):
            return _connect(address, experiment, note)
    except Timeout:
        raise UserError(
            f"tracking database: another process holds {address.database}.lock for over {LOCK_SECONDS} s; end it"
        ) from None


def _connect(address: Address, experiment: str, note: str) -> MlflowStore:
    with one_sentence_of(str(address.database or address.uri)):
        client = MlflowClient(address.uri)
        found = client.get_experiment_by_name(experiment) or _create(client, experiment, address.artifacts, note)
    if found.lifecycle_stage != "active":
        raise UserError(
            f"tracking.experiment: '{experiment}' was deleted in this store; choose another name or restore it with "
            f"`mlflow experiments restore -x {found.experiment_id}`"
        )
    with one_sentence_of(str(address.database or address.uri)):
        end_abandoned(client, found.experiment_id)
    return MlflowStore(client, address, found.experiment_id)


def _create(client: MlflowClient, experiment: str, artifacts: Path | None, note: str) -> Experiment:
    location = None if artifacts is None else artifacts.as_uri()
    try:
        client.create_experiment(experiment, artifact_location=location, tags={NOTE: note})
    except MlflowException:
        # A server knows no lock of ours: somebody may have been faster, and then the experiment is there.
        if client.get_experiment_by_name(experiment) is None:
            raise
    return client.get_experiment_by_name(experiment)


def _hand_over(credentials: tuple[str, str] | None) -> None:
    # From these variables MLflow builds the header of its requests; in the address they would show in its messages.
    if credentials is not None:
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = credentials


def _origin() -> dict[str, str]:
    """Tags of every run: the facts of the environment, and under MLflow's own names what its pages show."""
    facts = environment.facts()
    shown = {"mlflow.source.name": Path(sys.argv[0]).name, "mlflow.source.type": "LOCAL"}
    if "git.commit" in facts:
        shown["mlflow.source.git.commit"] = facts["git.commit"]
    return {**shown, **facts}
