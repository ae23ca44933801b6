"""The one exception for what a person can cause and mend."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_CODE = 2


class UserError(Exception):
    """A mistake in the input: one sentence with what was expected, what came, and what to change."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """Ends the program with the sentence of a `UserError` and exit code 2 instead of a traceback.

    Ctrl-C ends it with the exit code that a shell gives for the signal.
    """
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(EXIT_CODE) from None
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
