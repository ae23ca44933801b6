"""The MLflow store: opened once, safely among many processes, and the life of a run in it."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from echo_rnn import environment
from echo_rnn.errors import UserError
from echo_rnn.redact import redact
from echo_rnn.tracking.abandoned import end_abandoned
from echo_rnn.tracking.address import Address
from echo_rnn.tracking.failures import one_sentence_of
from echo_rnn.tracking.fetch import entries_of
from echo_rnn.tracking.interface import UnknownRunError
from echo_rnn.tracking.journal import Header, Journal, header_of, is_journal
from echo_rnn.tracking.names import is_run_id, require_label
from echo_rnn.tracking.pending import FOLDER, deliver, left, waiting
from echo_rnn.tracking.run import JournaledRun
from echo_rnn.tracking.send import Sender, state
from echo_rnn.tracking.server import require_answer
from echo_rnn.tracking.termination import Terminated, termination_raises
from echo_rnn.tracking.uploader import Uploader

LOCK_SECONDS = 120
NOTE = "mlflow.note.content"
# How long the end of a run waits for what was not sent yet: a server may be gone, while a database that many write to
# is busy and takes it in the end. A server that was gone when the store was opened has had its time.
SERVER_SECONDS, DATABASE_SECONDS, GONE_SECONDS = 10, 120, 1


class MlflowStore:
    """An open store with its experiment; see `interface.Store`."""

    def __init__(
        self, client: MlflowClient, address: Address, pending: Path, experiment: tuple[str, str], gone: str = ""
    ) -> None:
        """Takes over what `connect` has found.

        Args:
            client: Of the store.
            address: The store.
            pending: The folder of journals.
            experiment: Its name, and what the store calls it.
            gone: Why the store cannot be asked; then only a run whose journal waits can be continued.
        """
        self.address = address.shown
        self.experiment_id = experiment[1]
        self._client = client
        self._address = address
        self._pending = pending
        self._experiment = experiment[0]
        self._gone = gone

    @contextmanager
    def run(self, name: str, description: str, tags: Mapping[str, str]) -> Iterator[JournaledRun]:
        """Opens a run; see `interface.Store`."""
        require_label("run", name)
        shown = {key: redact(value) for key, value in (_origin() | {NOTE: description, **tags}).items()}
        # SIGTERM is caught before the run exists, so that there is no moment in which it stays RUNNING.
        with termination_raises():
            with self._asking():
                created = self._client.create_run(self.experiment_id, run_name=name, tags=shown)
            with self._writing(self._new_journal(created.info.run_id)) as run:
                yield run

    def resume(self, run_id: str) -> AbstractContextManager[JournaledRun]:
        """Continues a run; see `interface.Store`."""
        if not (self._gone and is_run_id(run_id) and is_journal(self._pending / run_id)):
            self._require(run_id)
        return self._continued(run_id)

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """See `interface.Store`."""
        wanted = " and ".join(f"tags.`{name}` = {json.dumps(value)}" for name, value in tags.items())
        with self._asking():
            found = self._client.search_runs([self.experiment_id], f"attributes.status = 'FINISHED' and {wanted}")
        return [run.info.run_id for run in found]

    def _require(self, run_id: str) -> None:
        unknown = f"run {run_id[:40]!r} is not in the tracking store {self.address}"
        if not is_run_id(run_id):
            raise UnknownRunError(f"{unknown}; expected the id of a run, letters and digits")
        with self._asking():
            try:
                found = self._client.get_run(run_id)
            except MlflowException as error:
                if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                    raise
                raise UnknownRunError(f"{unknown}; it may have been made on another machine") from None
        if found.info.lifecycle_stage != "active":
            raise UnknownRunError(f"{unknown} any more: it was deleted")

    @contextmanager
    def _continued(self, run_id: str) -> Iterator[JournaledRun]:
        with termination_raises():
            journal = self._old_journal(run_id)
            # Before it is running again: whoever looks for runs whose process has died must look for this one.
            journal.append({"do": "tags", "values": environment.process()}, state("RUNNING"))
            with self._writing(journal) as run:
                yield run

    @contextmanager
    def _writing(self, journal: Journal) -> Iterator[JournaledRun]:
        """Gives the run the end that the block had; what goes wrong then never hides the block's own exception."""
        run, uploader = JournaledRun(journal), Uploader(journal, Sender(self._client, journal))
        try:
            yield run
        except BaseException as error:
            try:
                killed = isinstance(error, (KeyboardInterrupt, Terminated))
                self._end(journal, uploader, "KILLED" if killed else "FAILED")
            except UserError as second:
                error.add_note(f"the run's end was not written down: {second}")
            raise
        self._end(journal, uploader, "FINISHED")

    def _end(self, journal: Journal, uploader: Uploader, status: str) -> None:
        try:
            journal.append(state(status))
        finally:
            try:
                if failure := uploader.finish(self._patience):
                    print(left(journal, self._address, failure), file=sys.stderr)
            finally:
                journal.close()

    @property
    def _patience(self) -> float:
        if self._gone:
            return GONE_SECONDS
        return SERVER_SECONDS if self._address.database is None else DATABASE_SECONDS

    def _new_journal(self, run_id: str) -> Journal:
        return Journal.create(self._pending, Header(run_id, self._address.uri, self._experiment, self.experiment_id))

    def _old_journal(self, run_id: str) -> Journal:
        try:
            return Journal.reopen(self._pending / run_id, SERVER_SECONDS)
        except Timeout:
            raise UserError(f"run {run_id}: another process writes or sends it; wait until that has ended") from None
        except FileNotFoundError:
            with self._asking():
                known = entries_of(self._client, run_id)
            journal = self._new_journal(run_id)
            journal.append(*known)
            journal.mark_all_sent()
            return journal

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if self._gone:
            raise UserError(self._gone)
        with one_sentence_of(self.address):
            yield


def connect(address: Address, experiment: str, note: str, root: Path) -> MlflowStore:
    """Opens the store behind `address`, creates what is missing, sends what waits for it, ends runs left behind.

    A server that does not answer is refused, unless a run of the experiment waits for it that may be continued.
    """
    require_label("experiment", experiment)
    pending = root.absolute() / FOLDER
    try:
        require_answer(address)
    except UserError as refusal:
        known = _experiment_waiting(pending, address, experiment)
        if known is None:
            raise
        return MlflowStore(MlflowClient(address.uri), address, pending, (experiment, known), gone=str(refusal))
    with alone(address), one_sentence_of(address.shown):
        client = MlflowClient(address.uri)
        found = client.get_experiment_by_name(experiment) or _create(client, experiment, address.artifacts, note)
    if found.lifecycle_stage != "active":
        raise UserError(
            f"tracking.experiment: '{experiment}' was deleted in this store; choose another name or restore it with "
            f"`mlflow experiments restore -x {found.experiment_id}`"
        )
    left_behind = waiting(pending)
    for sentence in left_behind.damaged + deliver(client, left_behind.of.get(address.uri, ()), address):
        print(sentence, file=sys.stderr)
    with one_sentence_of(address.shown):
        end_abandoned(client, found.experiment_id, waiting(pending).run_ids)
    return MlflowStore(client, address, pending, (experiment, found.experiment_id))


@contextmanager
def alone(address: Address) -> Iterator[None]:
    """Two processes that create the tables at once leave a database that no process can open again."""
    if address.database is None:
        yield
        return
    try:
        lock = FileLock(f"{address.database}.lock", timeout=LOCK_SECONDS).acquire()
    except Timeout:
        raise UserError(
            f"tracking database: another process holds {address.database}.lock for over {LOCK_SECONDS} s; end it"
        ) from None
    with lock:
        yield


def _experiment_waiting(pending: Path, address: Address, experiment: str) -> str | None:
    """What the store calls an experiment of which a run waits; None if none does."""
    headers = map(header_of, waiting(pending).of.get(address.uri, ()))
    return next((header.experiment_id for header in headers if header.experiment == experiment), None)


def _create(client: MlflowClient, experiment: str, artifacts: Path | None, note: str) -> Experiment:
    location = None if artifacts is None else artifacts.as_uri()
    try:
        client.create_experiment(experiment, artifact_location=location, tags={NOTE: note})
    except MlflowException:
        # A server knows no lock of ours: somebody may have been faster, and then the experiment is there.
        if client.get_experiment_by_name(experiment) is None:
            raise
    return client.get_experiment_by_name(experiment)


def _origin() -> dict[str, str]:
    """Tags of every run: the facts of the environment, and under MLflow's own names what its pages show."""
    facts = environment.facts()
    shown = {"mlflow.source.name": Path(sys.argv[0]).name, "mlflow.source.type": "LOCAL"}
    if "git.commit" in facts:
        shown["mlflow.source.git.commit"] = facts["git.commit"]
    return {**shown, **facts}
