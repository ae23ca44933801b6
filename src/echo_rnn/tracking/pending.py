"""The journals of a project: runs whose store does not have everything yet."""

from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout
from mlflow import MlflowClient

from echo_rnn.errors import UserError
from echo_rnn.tracking.abandoned import ENDED
from echo_rnn.tracking.address import Address
from echo_rnn.tracking.failures import first_line
from echo_rnn.tracking.journal import Header, Journal, header_of, is_journal
from echo_rnn.tracking.send import Sender, rest_of, state

FOLDER = "pending"
COMMAND = "python -m pipelines.upload"


def journals(pending: Path) -> list[Path]:
    """The folders of the journals."""
    return [folder for folder in sorted(pending.glob("*")) if is_journal(folder)]


def waiting(pending: Path, address: Address, experiment: str) -> Header | None:
    """Where a run belongs that waits for a store and an experiment; None if none does."""
    found = (header_of(folder) for folder in journals(pending))
    return next((header for header in found if (header.address, header.experiment) == (address.uri, experiment)), None)


def deliver(client: MlflowClient, pending: Path, address: Address) -> list[str]:
    """Sends what processes that are gone have left for a store, and ends their runs where they could not.

    Args:
        client: Of the store.
        pending: The folder of journals; those of other stores, and those that a live process holds, are left alone.
        address: The store.

    Returns:
        A sentence for each run of which something is left.
    """
    sentences = []
    for folder in journals(pending):
        try:
            if header_of(folder).address == address.uri:
                sentences += _deliver(client, Journal.reopen(folder), address)
        except (Timeout, FileNotFoundError):
            pass  # its process is alive, or somebody else has just sent it
        except UserError as damage:
            sentences.append(str(damage))
    return sentences


def left(journal: Journal, address: Address, why: str) -> str:
    """The sentence for a journal that could not be sent to its end."""
    return (
        f"run {journal.header.run_id}: {rest_of(journal)} not yet in {address.shown} ({why}); "
        f"kept in {journal.folder}, and `{COMMAND}` sends them"
    )


def _deliver(client: MlflowClient, journal: Journal, address: Address) -> Iterator[str]:
    try:
        if not journal.ended:
            journal.append({"do": "tags", "values": ENDED}, state("KILLED"))
        sender = Sender(client, journal)
        while sender.send_next():
            pass
    except Exception as error:  # whatever it is, the command that found the journal has something else to do
        yield left(journal, address, first_line(error))
    finally:
        journal.close()
