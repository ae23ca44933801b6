"""The tracking store: the only room that imports MLflow, and only when a store is opened.

store = open_store(uri=None, experiment="echo", root=project_root())
with store.run("lstm3x4-dynamic-T15-seed0", description="...", tags={"sweep": "..."}) as run:
    run.log_config(config)
    run.log_metrics([("train/loss", 0.69, 0)])

What is logged is written into an outbox on this machine first (`run`, `outbox`), and delivered to the store in the
background (`deliver`); what a process could not deliver, a later one does (`recover`).
"""

from pathlib import Path

from echo_rnn.tracking.address import comparison_link, parallel_link, resolve
from echo_rnn.tracking.client import configure_mlflow
from echo_rnn.tracking.interface import MetricRow, Run, Store, UnknownRunError

__all__ = [
    "MetricRow",
    "Run",
    "Store",
    "UnknownRunError",
    "comparison_link",
    "deliver_all",
    "open_store",
    "parallel_link",
]


def open_store(uri: str | None, experiment: str, root: Path, *, note: str = "", enabled: bool = True) -> Store:
    """Opens the tracking store, and creates it and the experiment where they are missing.

    Args:
        uri: `sqlite:///<file>` or an `http(s)` server; `MLFLOW_TRACKING_URI` takes precedence; None is `mlflow.db` in
            `root`. A relative sqlite file is relative to `root`, not to the current folder.
        experiment: Name of the experiment that holds the runs.
        root: The project's folder.
        note: Markdown that is shown above the runs of the experiment, used where it is created.
        enabled: False gives a store with the same interface that stores nothing.

    Raises:
        UserError: The address is not valid, or no usable store is there; a server is waited for at most 15 s.
    """
    if not enabled:
        return Store()
    address = resolve(uri, root)
    configure_mlflow()
    # MLflow takes about a second to import, and reads its settings when it is imported.
    from echo_rnn.tracking.store import connect  # noqa: PLC0415

    return connect(address, experiment, note, root)


def deliver_all(uri: str | None, root: Path) -> int:
    """Delivers all outboxes of the project in `root`; returns how many runs are complete now.

    Args:
        uri: The configured store, as for `open_store`; each run is delivered to the store in which it was begun.
        root: The project's folder.

    Raises:
        UserError: Something could not be delivered; it remains in its outbox.
    """
    address = resolve(uri, root)
    configure_mlflow()
    from echo_rnn.tracking import recover  # noqa: PLC0415

    return recover.deliver_all(address, root)
