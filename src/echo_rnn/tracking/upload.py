"""Sends what runs have left on this machine because their store was gone."""

from collections.abc import Sequence
from pathlib import Path

from mlflow import MlflowClient

from echo_rnn.errors import UserError
from echo_rnn.tracking.address import Address, parse
from echo_rnn.tracking.failures import one_sentence_of
from echo_rnn.tracking.pending import FOLDER, deliver, waiting
from echo_rnn.tracking.server import require_answer
from echo_rnn.tracking.store import alone


def send_all(own: Address, root: Path) -> int:
    """Sends everything that waits in a project, each run to the store that it was begun in.

    Args:
        own: The store that is configured now; its credentials are for no other one.
        root: The project's folder.

    Returns:
        How many runs are complete now.

    Raises:
        UserError: Something is left.
    """
    pending = root / FOLDER
    before = waiting(pending)
    sentences = list(before.damaged)
    # The configured store comes last: what MLflow is given as credentials it sends to every server from then on.
    for uri in sorted(before.of, key=lambda uri: uri == own.uri):
        sentences += _upload(own if uri == own.uri else parse(uri, root), before.of[uri])
    if sentences:
        raise UserError("; ".join(sentences))
    return len(before.run_ids - waiting(pending).run_ids)


def _upload(address: Address, folders: Sequence[Path]) -> list[str]:
    try:
        require_answer(address)
        with alone(address), one_sentence_of(address.shown):
            client = MlflowClient(address.uri)
        return deliver(client, folders, address)
    except UserError as refusal:
        return [str(refusal)]
