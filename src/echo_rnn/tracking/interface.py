"""What the pipeline may ask of a store and of a run, whatever stands behind them."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from echo_rnn.errors import UserError

if TYPE_CHECKING:  # composing a configuration imports this package, and shall not wait for NumPy
    import numpy as np

MetricRow = tuple[str, float, int]
"""Name, value and step of one measured number."""


class UnknownRunError(UserError):
    """The store does not know the run that should be continued."""


class Run(Protocol):
    """One open run. Names of metrics become chart sections at `/`: `train/loss`, `test/accuracy`.

    Nothing waits for the store: what is logged is written down on this machine and sent in the background.
    """

    id: str

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Logs a nested configuration as parameters with dotted names."""

    def log_metrics(self, rows: Iterable[MetricRow], *, again: bool = False) -> None:
        """Logs numbers, each metric once at each step: a run that goes on may log what it has logged before.

        Args:
            rows: The numbers.
            again: They were measured anew, so that a value that differs is kept beside the older one and shown.
        """

    def log_dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """Logs which data went in: `context` says what for, such as `training`."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Copies a file into the run's artifacts."""

    def log_text(self, text: str, file: str) -> None:
        """Writes `text` as an artifact named `file`."""

    def log_model(self, model: Any, example: "np.ndarray[Any, Any]") -> None:
        """Logs a Keras model with its signature, found at `runs:/<id>/model`; `example` is an input of three axes."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Sets or replaces tags."""


class Store(Protocol):
    """Where runs go. `address` is fit for people: it holds no credentials."""

    address: str
    experiment_id: str

    def run(self, name: str, description: str, tags: Mapping[str, str]) -> AbstractContextManager[Run]:
        """Opens a run that ends as FINISHED, as FAILED on an exception, as KILLED on Ctrl-C or SIGTERM."""

    def resume(self, run_id: str) -> AbstractContextManager[Run]:
        """Continues a run that has ended, or whose process is gone.

        Raises:
            UnknownRunError: At the call, before anything is entered: the store has no such run.
            UserError: Another process has it open.
        """

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """The ids of the finished runs that carry all of `tags`."""
