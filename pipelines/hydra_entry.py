"""Programs that Hydra composes: what it refuses ends in one sentence, and what breaks in a job keeps its traceback."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from echo_rnn.config import composition_error
from echo_rnn.errors import UserError, as_user_error

PROGRAM: ContextVar[Callable[[], None] | None] = ContextVar("PROGRAM", default=None)
"""The function that this process runs; Hydra tells its callbacks the file of that function only."""


class _JobError(Exception):
    """A job raised its cause; whatever else Hydra raises happened before a job began."""


@contextmanager
def in_job() -> Iterator[None]:
    """Around the work of a job."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise _JobError from error


def run_composed(main: Callable[[], None]) -> None:
    """Runs a function that `hydra.main` decorated.

    Raises:
        UserError: Hydra could not compose, or a job was refused.
        Exception: What broke in a job, and a full disk or too little memory.
    """
    PROGRAM.set(main)
    # Hydra would print its errors over several lines; here they reach the caller.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        main()
    except UserError:
        raise
    except _JobError as error:
        raise error.__cause__ or error from None
    except Exception as error:
        if as_user_error(error) is not None:
            raise
        if type(error).__module__.startswith("joblib"):
            raise UserError(f"sweep: expected every job to end by itself, got {error}", "sweep.worker_died") from error
        # Hydra, OmegaConf and the YAML reader each have exceptions of their own for what cannot be composed.
        raise composition_error(error, "the command line or conf/") from error
