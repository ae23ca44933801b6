"""The interface of stores and runs. These classes store nothing: they serve `tracking.enabled=false`."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from echo_rnn.errors import UserError

MetricRow = tuple[str, float, int]
"""Name, value and step of one number."""


class UnknownRunError(UserError):
    """The run that should be resumed is not in the store."""


class Run:
    """One open run. `/` in the name of a metric makes sections of charts: `train/loss`, `test/accuracy`.

    No method waits for the store: entries are written down on this machine and delivered in the background.
    """

    id = ""

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Logs a nested configuration as parameters with dotted names."""

    def log_metrics(self, rows: Iterable[MetricRow], *, again: bool = False) -> None:
        """Logs numbers, each metric once at each step, so that a resumed run may log the same numbers again.

        Args:
            rows: The numbers.
            again: They were measured again: a value that differs is stored beside the older one, and shown.
        """

    def log_dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """Logs an input of the run; `context` is its purpose, such as `training`."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Copies a file into the run's artifacts."""

    def log_text(self, text: str, file: str) -> None:
        """Writes `text` as an artifact named `file`."""

    def log_model(self, model: Any, example: Any) -> None:
        """Logs a Keras model with its signature as `runs:/<id>/model`; `example` is an array, an input of it."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Sets or replaces tags."""


class Store:
    """An open store. `address` is for people and holds no credentials."""

    address = ""
    experiment_id = ""

    def run(self, name: str, description: str, tags: Mapping[str, str]) -> AbstractContextManager[Run]:
        """Opens a run that ends as FINISHED, as FAILED on an exception, as KILLED on Ctrl-C or SIGTERM."""
        return nullcontext(Run())

    def resume(self, run_id: str) -> AbstractContextManager[Run]:
        """Resumes a run that has ended, or whose process is gone.

        Raises:
            UnknownRunError: At the call, before anything is entered: the store has no such run.
            UserError: Another process has it open.
        """
        return nullcontext(Run())

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """The ids of the finished runs that have all of `tags`."""
        return []
