"""Metrics that wait for each other: one request for many numbers, between blocks of work."""

import time
from collections.abc import Iterable
from types import TracebackType

from echo_rnn.errors import UserError
from echo_rnn.tracking.interface import MetricRow, Run

SECONDS = 5.0


class MetricBuffer:
    """Hands numbers to a run every few seconds, and what is left when the block ends, however it ends."""

    def __init__(self, run: Run, seconds: float = SECONDS) -> None:
        self._run = run
        self._seconds = seconds
        self._rows: list[MetricRow] = []
        self._sent = time.monotonic()

    def add(self, rows: Iterable[MetricRow]) -> None:
        """Takes numbers; call it between blocks of work."""
        self._rows.extend(rows)
        if time.monotonic() - self._sent >= self._seconds:
            self.flush()

    def flush(self) -> None:
        """Hands over all that wait."""
        rows, self._rows = self._rows, []
        if rows:
            self._run.log_metrics(rows)
        self._sent = time.monotonic()

    def __enter__(self) -> "MetricBuffer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        except UserError as second:
            # A store that is gone never hides the block's own exception.
            if error is None:
                raise
            error.add_note(f"the last metrics were not kept: {second}")
