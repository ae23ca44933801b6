"""The journals of a project: runs whose store does not have everything yet."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from filelock import Timeout
from mlflow import MlflowClient

from echo_rnn.errors import UserError
from echo_rnn.tracking.abandoned import LEFT_BEHIND
from echo_rnn.tracking.address import Address
from echo_rnn.tracking.failures import first_line
from echo_rnn.tracking.journal import Journal, header_of
from echo_rnn.tracking.send import Sender, rest_of, state

FOLDER = "pending"
COMMAND = "python -m pipelines.upload"


class Waiting(NamedTuple):
    """The journals of a project.

    Attributes:
        of: Their folders by the address of their store.
        damaged: A sentence for each that cannot be read.
    """

    of: dict[str, list[Path]]
    damaged: list[str]

    @property
    def run_ids(self) -> set[str]:
        """The runs that wait."""
        return {folder.name for folders in self.of.values() for folder in folders}


def waiting(pending: Path) -> Waiting:
    """Looks for journals."""
    found = Waiting(defaultdict(list), [])
    for folder in sorted(pending.glob("*")):
        try:
            found.of[header_of(folder).address].append(folder)
        except UserError as damage:
            found.damaged.append(str(damage))
        except OSError:
            continue  # none, or none any more
    return found


def deliver(client: MlflowClient, folders: Iterable[Path], address: Address) -> list[str]:
    """Sends what processes that are gone have left for a store, and ends their runs where they could not.

    Args:
        client: Of the store.
        folders: Of the store's journals; one that a live process holds is left alone.
        address: The store.

    Returns:
        A sentence for each run of which something is left.
    """
    sentences: list[str] = []
    for folder in folders:
        try:
            sentences += _deliver(client, Journal.reopen(folder), address)
        except (Timeout, FileNotFoundError):
            continue  # its process is alive, or somebody else has just sent it
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
            journal.append({"do": "tags", "values": LEFT_BEHIND}, state("KILLED"))
        sender = Sender(client, journal)
        while sender.send_next():
            pass
    except Exception as error:  # whatever it is, the command that found the journal has something else to do
        yield left(journal, address, first_line(error))
    finally:
        journal.close()
