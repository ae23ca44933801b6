"""MLflow's errors as sentences that name the store and hold no credentials."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from echo_rnn.errors import UserError
from echo_rnn.redact import redact

LENGTH = 500


@contextmanager
def one_sentence_of(address: str) -> Iterator[None]:
    """Turns what MLflow and its database raise in the block into a `UserError`."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        # The cause would show all that was left out.
        raise UserError(f"tracking store {address}: {first_line(error)}") from None


def first_line(error: BaseException) -> str:
    """What an error says first: the rest is SQL, a traceback or a page of a server."""
    lines = (line.strip() for line in redact(str(error)).splitlines())
    return next(filter(None, lines), type(error).__name__)[:LENGTH]
