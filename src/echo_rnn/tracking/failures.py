"""MLflow's errors as sentences that name the store and hold no credentials."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from echo_rnn.errors import UserError
from echo_rnn.tracking.address import mask


@contextmanager
def one_sentence_of(address: str) -> Iterator[None]:
    """Turns what MLflow and its database raise in the block into a `UserError`."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        # The first line says what; the rest is SQL, a traceback or a page of a server. The cause would show all of it.
        first = next((line.strip() for line in mask(str(error)).splitlines() if line.strip()), type(error).__name__)
        raise UserError(f"tracking store {address}: {first[:500]}") from None
