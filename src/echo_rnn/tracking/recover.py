"""Recovery of runs whose process ended without delivering everything: outboxes are delivered, runs are ended.

SIGKILL, a lost machine or a full disk leave a run RUNNING for ever. The next process that opens the store ends those
that were begun on this machine since it booted and whose process is gone. A process id is not enough, since the system
uses it again: the start time must agree too.
"""

from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import psutil
from mlflow import MlflowClient
from mlflow.entities import Run

from echo_rnn import environment
from echo_rnn.errors import UserError
from echo_rnn.tracking.address import Address, parse, require_answer
from echo_rnn.tracking.client import first_line, new_client
from echo_rnn.tracking.deliver import deliver_next, status_entry, undelivered
from echo_rnn.tracking.outbox import FOLDER, Header, InUseError, Outbox, find_outboxes

LEFT_BEHIND = {"left_behind": "its process was gone, and a later command ended the run"}
"""The tag of a run that did not record its own end; it stays where the run is resumed later."""
# The recorded start time was rounded.
_TOLERANCE_SECONDS = 0.1


def deliver_all(configured: Address, root: Path) -> int:
    """See `tracking.deliver_all`; the credentials of the configured store are for no other one."""
    outboxes = root / FOLDER
    headers, sentences = find_outboxes(outboxes)
    addresses = {header.address for header in headers.values()}
    # The configured store comes last: MLflow sends the credentials that it is given to every server from then on.
    for uri in sorted(addresses, key=lambda uri: uri == configured.uri):
        try:
            address = configured if uri == configured.uri else parse(uri, root)
            require_answer(address)
            sentences += deliver_outboxes(new_client(address), address, outboxes, headers)
        except UserError as refusal:
            sentences.append(str(refusal))
    if sentences:
        raise UserError("; ".join(sentences), "outbox.undelivered")
    return len(headers.keys() - find_outboxes(outboxes)[0].keys())


def deliver_outboxes(
    client: MlflowClient, address: Address, outboxes: Path, headers: Mapping[str, Header]
) -> list[str]:
    """Delivers those outboxes of a store that no live process holds, and ends their runs where that was not done.

    Args:
        client: Client of the store.
        address: The store.
        outboxes: The folder of all outboxes.
        headers: Their headers by run id, for this store and others.

    Returns:
        A sentence for each run of which something is left.
    """
    sentences: list[str] = []
    for run_id, header in headers.items():
        if header.address != address.uri:
            continue
        try:
            sentences += _deliver(client, Outbox.reopen(outboxes / run_id), address)
        except (InUseError, FileNotFoundError):
            continue  # its process is alive, or another one has just delivered it
        except UserError as damage:
            sentences.append(str(damage))
    return sentences


def end_abandoned(client: MlflowClient, experiment_id: str, with_outbox: Container[str]) -> None:
    """Ends the runs whose process is gone as KILLED, except those `with_outbox`, in which their own end may be."""
    host = environment.process()["process.host"]
    for run in client.search_runs([experiment_id], f"attributes.status = 'RUNNING' and tags.`process.host` = '{host}'"):
        run_id = run.info.run_id
        if run_id not in with_outbox and not _is_alive(run):
            for name, value in LEFT_BEHIND.items():
                client.set_tag(run_id, name, value)
            client.set_terminated(run_id, status="KILLED")


def _deliver(client: MlflowClient, outbox: Outbox, address: Address) -> Iterator[str]:
    try:
        if not outbox.ended:
            outbox.append({"kind": "tags", "values": LEFT_BEHIND}, status_entry("KILLED"))
        while deliver_next(client, outbox):
            pass
    except Exception as error:  # of any kind: the command that found the outbox has other work to do
        yield undelivered(outbox, address, first_line(error))
    finally:
        outbox.close()


def _is_alive(run: Run) -> bool:
    tags = run.data.tags
    try:
        process = psutil.Process(int(tags["process.pid"]))
        # In a container, a process that no parent waits for stays a zombie as long as the container lives.
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - float(tags["process.start"])) <= _TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return False
    except (KeyError, ValueError, psutil.Error):
        return True  # nothing is known of its process
