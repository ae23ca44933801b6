"""The MLflow store: opened once, safely among several processes, and the life of a run in it.

SIGKILL, a lost machine or a full disk leave a run RUNNING for ever. The next process that opens the store ends those
that were begun on this machine since it booted and that have lost their process. A process id is not enough, since the
system uses it again: the ticks from boot to its start must agree, too, which no clock that is set changes.
"""

import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from echo_rnn import environment
from echo_rnn.errors import PrunedError, Terminated, UserError, termination_raises
from echo_rnn.redact import redact
from echo_rnn.tracking.address import Address, mlflow_errors, new_client, parse, require_answer, resolve
from echo_rnn.tracking.database import warn_of_network
from echo_rnn.tracking.deliver import LEFT_BEHIND, BackgroundDelivery, deliver_outboxes, is_ours, status_entry
from echo_rnn.tracking.outbox import FOLDER, Header, Outbox, find_outboxes, remove_leftovers
from echo_rnn.tracking.run import NOTE, Run, require_label
from echo_rnn.tracking.view import TAG, View, key_of, with_tag

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment
    from mlflow.entities import Run as MlflowRun

# How long the end of a run waits for its delivery. A server may be gone, while a database to which many processes write
# is only busy. A server that was unreachable when the store was opened is not waited for again.
SERVER_SECONDS, DATABASE_SECONDS, UNREACHABLE_SECONDS = 10, 120, 1
_PAGE = 100  # runs that are held at once
_MOST_COUNTED = 100  # values of a parameter
_RUN_ID = re.compile(r"[A-Za-z0-9]{1,64}")


class UnknownRunError(UserError):
    """The run that should be resumed is not in the store."""


def open_store(uri: str | None, experiment: str, root: Path, *, note: str = "", enabled: bool = True) -> "Store":
    """Opens the tracking store and its experiment, delivers its outboxes, and ends abandoned runs.

    Args:
        uri: `sqlite:///<file>` or an `http(s)` server; `MLFLOW_TRACKING_URI` takes precedence; None is `mlflow.db` in
            `root`. A relative sqlite file is relative to `root`, not to the current folder.
        experiment: Name of the experiment that holds the runs; it is created where it is missing, as the store is.
        root: The project's folder.
        note: Markdown that is shown above the runs of the experiment, used where it is created.
        enabled: False gives a store with the same interface that stores nothing.

    Raises:
        UserError: The address is not valid, or no usable store is there; a server is waited for at most 15 s. One that
            does not answer is refused, unless a run of the experiment has an outbox, which can be resumed.
    """
    if not enabled:
        return _NoStore()
    require_label("experiment", experiment)
    address, outboxes = resolve(uri, root), root.absolute() / FOLDER
    if address.database is not None:
        warn_of_network(address.database)
    remove_leftovers(outboxes)
    headers, damaged = find_outboxes(outboxes)
    try:
        require_answer(address)
        client = new_client(address)
        with mlflow_errors(address):
            found = client.get_experiment_by_name(experiment) or _create(client, experiment, address.artifacts, note)
    except UserError as refusal:
        if refusal.code == "store.unreachable":
            for header in headers.values():
                if (parse(header.address, root).uri, header.experiment) == (address.uri, experiment):
                    client = new_client(address)
                    return Store(client, address, outboxes, header, unreachable=str(refusal))
        raise
    if found.lifecycle_stage != "active":
        raise UserError(
            f"tracking.experiment: '{experiment}' was deleted in this store; choose another name or restore it with "
            f"`mlflow experiments restore -x {found.experiment_id}`",
            "store.deleted_experiment",
        )
    ours = {run_id: header for run_id, header in headers.items() if is_ours(header)}
    for sentence in damaged + deliver_outboxes(client, address, outboxes, ours):
        print(sentence, file=sys.stderr)
    with mlflow_errors(address):
        here = environment.process()["process.host"]
        running = f"attributes.status = 'RUNNING' and tags.`process.host` = '{here}'"
        # The end of a run with an outbox may be in it.
        kept = find_outboxes(outboxes)[0]
        for run in client.search_runs([found.experiment_id], running):
            if run.info.run_id not in kept and not _is_alive(run.data.tags):
                client.set_tag(run.info.run_id, *LEFT_BEHIND)
                client.set_terminated(run.info.run_id, status="KILLED")
    return Store(
        client, address, outboxes, Header("", address.stored, experiment, found.experiment_id, environment.host())
    )


class Store:
    """An open store with its experiment; see `open_store`. `address` is for people and holds no credentials."""

    def __init__(
        self, client: "MlflowClient", address: Address, outboxes: Path, header: Header, unreachable: str = ""
    ) -> None:
        self.address = address.shown
        self.experiment_id = header.experiment_id
        self._client = client
        self._address = address
        self._outboxes = outboxes
        self._header = header  # of its runs, besides their id
        self._unreachable = unreachable  # why it does not answer; then only a run with an outbox can be resumed

    @contextmanager
    def run(self, name: str, description: str, tags: Mapping[str, str]) -> Iterator[Run]:
        """Opens a run that ends as FINISHED, also pruned, as FAILED on an exception, as KILLED on Ctrl-C or SIGTERM."""
        require_label("run", name)
        facts = environment.facts()
        # What MLflow's pages show has a name of MLflow's, too.
        typed = {"command": environment.command(), **tags}
        # Of a local source MLflow shows what follows the last slash; a job has none to be cut at.
        source = {"name": typed["command"], "type": "JOB", "git.commit": facts.get("git.commit", "")}
        shown = {f"mlflow.source.{key}": value for key, value in source.items()} | facts | {NOTE: description, **typed}
        shown = {key: redact(value) for key, value in shown.items()}
        # SIGTERM is caught before the run exists, so that there is no moment in which it stays RUNNING.
        with termination_raises():
            with self._requests():
                created = self._client.create_run(self.experiment_id, run_name=name, tags=shown)
            with self._open(self._new_outbox(created.info.run_id)) as run:
                yield run

    def resume(self, run_id: str) -> AbstractContextManager[Run]:
        """Resumes a run that has ended, or that has lost its process.

        Raises:
            UnknownRunError: At the call, before anything is entered: the store has no such run.
            UserError: Another process has it open.
        """
        unknown = self._unknown(run_id)
        if not _RUN_ID.fullmatch(run_id):
            raise unknown
        try:
            known = self._knows(run_id)
        except UserError as refusal:
            # A store that has stopped to answer since it was opened, too.
            known = refusal.code == "store.unreachable" and run_id in find_outboxes(self._outboxes)[0]
            if not known:
                raise
        if not known:
            raise unknown
        return self._resumed(run_id)

    def download(self, run_id: str, name: str, folder: Path) -> None:
        """Copies the folder `name` of a run's artifacts into `folder`.

        Raises:
            UserError: The run is unknown (`UnknownRunError`), or has no such artifacts.
        """
        if not _RUN_ID.fullmatch(run_id) or not self._knows(run_id):
            raise self._unknown(run_id)
        with self._requests():
            found = self._client.list_artifacts(run_id, name)
            if found:
                self._client.download_artifacts(run_id, name, str(folder))
        if not found:
            raise UserError(
                f"run {run_id}: expected one with the artifacts {name}/, got none in {self.address}; it may be at "
                "work, not delivered (python -m pipelines.deliver), no training, or one of an older version",
                "store.no_artifact",
            )

    def _unknown(self, run_id: str) -> UnknownRunError:
        return UnknownRunError(
            f"run {run_id[:40]!r} is not in the tracking store {self.address}, or was deleted there; it may have been "
            "made on another machine",
            "store.unknown_run",
        )

    def _knows(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        with self._requests():
            try:
                return bool(self._client.get_run(run_id).info.lifecycle_stage == "active")
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return False

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """The ids of the finished runs that have all of `tags`."""
        return [run.info.run_id for run in self._search(tags)]

    def differing(self, tags: Mapping[str, str]) -> list[str]:
        """The parameters that differ between the finished runs that have all of `tags`, those with few values first."""
        found, values, having = 0, defaultdict[str, set[str]](set), Counter[str]()
        for run in self._search(tags):
            found += 1
            having.update(run.data.params.keys())
            for name, value in run.data.params.items():
                if len(values[name]) < _MOST_COUNTED:
                    values[name].add(value)
        counts = {name: len(values[name]) + (having[name] < found) for name in sorted(having)}
        return sorted((name for name in counts if counts[name] > 1), key=lambda name: counts[name])

    def share(self, view: View) -> str:
        """Stores a view of the experiment, and returns its key for `view_link`."""
        text = view.text()
        key = key_of(text)
        with self._requests():
            self._client.set_experiment_tag(self.experiment_id, f"{TAG}{key}", text)
        return key

    def _search(self, tags: Mapping[str, str]) -> "Iterator[MlflowRun]":
        """One after the other, of which a page at a time is held."""
        wanted = " and ".join(["attributes.status = 'FINISHED'", *(with_tag(*tag) for tag in tags.items())])
        page: str | None = ""
        while page is not None:
            with self._requests():
                runs = self._client.search_runs(
                    [self.experiment_id], wanted, max_results=_PAGE, page_token=page or None
                )
            yield from runs
            page = runs.token or None

    @contextmanager
    def _resumed(self, run_id: str) -> Iterator[Run]:
        with termination_raises():
            outbox = self._old_outbox(run_id)
            # Before it is RUNNING again: these tags show whether the process of a run is alive.
            outbox.append({"kind": "tags", "values": environment.process()}, status_entry("RUNNING"))
            with self._open(outbox) as run:
                yield run

    @contextmanager
    def _open(self, outbox: Outbox) -> Iterator[Run]:
        """Ends the run as its block ended; an error at the end never hides the block's own exception."""
        run, delivery = Run(outbox), BackgroundDelivery(self._client, self._address, outbox)
        try:
            yield run
        except BaseException as error:
            try:
                self._end(outbox, delivery, _status(error))
            except UserError as second:
                error.add_note(f"the run's end was not written down: {second}")
            raise
        self._end(outbox, delivery, "FINISHED")

    def _end(self, outbox: Outbox, delivery: BackgroundDelivery, status: str) -> None:
        at_most = SERVER_SECONDS if self._address.database is None else DATABASE_SECONDS
        with closing(outbox):
            try:
                outbox.append(status_entry(status))
            finally:
                if failure := delivery.finish(UNREACHABLE_SECONDS if self._unreachable else at_most):
                    print(failure, file=sys.stderr)

    def _new_outbox(self, run_id: str) -> Outbox:
        return Outbox(self._outboxes / run_id, self._header._replace(run_id=run_id))

    def _old_outbox(self, run_id: str) -> Outbox:
        """The outbox that the run still has, or a new one with what the store has and must not be logged again."""
        try:
            return Outbox(self._outboxes / run_id, seconds=SERVER_SECONDS)
        except FileNotFoundError:
            with self._requests():
                data = self._client.get_run(run_id).data
                points = [point for name in data.metrics for point in self._client.get_metric_history(run_id, name)]
            rows = [[each.key, each.value, each.step, each.timestamp] for each in points if math.isfinite(each.value)]
            outbox = self._new_outbox(run_id)
            outbox.append({"kind": "metrics", "rows": rows}, {"kind": "params", "values": data.params})
            outbox.mark_delivered(len(outbox.entries))
            return outbox

    @contextmanager
    def _requests(self) -> Iterator[None]:
        if self._unreachable:
            raise UserError(self._unreachable, "store.unreachable")
        with mlflow_errors(self._address):
            yield


class _NoStore(Store):
    """The store of `tracking.enabled=false`."""

    def __init__(self) -> None:
        self.address = self.experiment_id = ""

    def run(self, name: str, description: str, tags: Mapping[str, str]) -> AbstractContextManager[Run]:  # type: ignore[override]
        return nullcontext(Run())

    def resume(self, run_id: str) -> AbstractContextManager[Run]:
        return nullcontext(Run())

    def download(self, run_id: str, name: str, folder: Path) -> None:
        raise UserError(
            f"run {run_id}: expected a tracking store that has it, got tracking.enabled = false; choose another one",
            "store.none",
        )

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        return []

    def differing(self, tags: Mapping[str, str]) -> list[str]:
        return []

    def share(self, view: View) -> str:
        return ""


def _status(error: BaseException) -> str:
    """How a run ends whose block ended so."""
    if isinstance(error, PrunedError):
        return "FINISHED"
    return "KILLED" if isinstance(error, (KeyboardInterrupt, Terminated)) else "FAILED"


def _create(client: "MlflowClient", experiment: str, artifacts: Path | None, note: str) -> "Experiment":
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        client.create_experiment(experiment, artifact_location=artifacts and artifacts.as_uri(), tags={NOTE: note})
    except MlflowException:
        # Another process may have created it just before.
        if client.get_experiment_by_name(experiment) is None:
            raise
    return client.get_experiment_by_name(experiment)


def _is_alive(tags: Mapping[str, str]) -> bool:
    """Whether the process that a run names in its tags may be alive."""
    try:
        return environment.is_running(int(tags["process.pid"]), tags["process.ticks"])
    except (KeyError, ValueError):
        return True  # nothing is known of its process
