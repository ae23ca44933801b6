"""The store of `tracking.enabled=false`: the same interface, and nothing kept."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from echo_rnn.tracking.interface import MetricRow

if TYPE_CHECKING:  # composing a configuration imports this package, and shall not wait for NumPy
    import numpy as np


class NullRun:
    """A run that forgets."""

    id = ""

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Keeps nothing."""

    def log_metrics(self, rows: Iterable[MetricRow], *, again: bool = False) -> None:
        """Keeps nothing."""

    def log_dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """Keeps nothing."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Keeps nothing."""

    def log_text(self, text: str, file: str) -> None:
        """Keeps nothing."""

    def log_model(self, model: Any, example: "np.ndarray[Any, Any]") -> None:
        """Keeps nothing."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Keeps nothing."""


class NullStore:
    """A store whose runs forget."""

    address = ""
    experiment_id = ""

    @contextmanager
    def run(self, name: str, description: str, tags: Mapping[str, str]) -> Iterator[NullRun]:
        """Opens a run that forgets."""
        yield NullRun()

    @contextmanager
    def resume(self, run_id: str) -> Iterator[NullRun]:
        """Opens a run that forgets; any id will do."""
        yield NullRun()

    def tagged(self, tags: Mapping[str, str]) -> list[str]:
        """There are none."""
        return []
