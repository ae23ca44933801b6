"""Where runs are written down: the only room that imports MLflow, and only when a store is opened.

store = open_store(uri=None, experiment="echo", root=project_root())
with store.run("lstm3x4-dynamic-T15-seed0", description="...", tags={"sweep": "..."}) as run:
    run.log_config(config)
    run.log_metrics([("train/loss", 0.69, 0)])
"""

from pathlib import Path

from echo_rnn.tracking.address import resolve
from echo_rnn.tracking.description import BENCHMARK_NOTE, TRAINING_NOTE
from echo_rnn.tracking.interface import MetricRow, Run, Store, UnknownRunError
from echo_rnn.tracking.links import comparison_link, parallel_link
from echo_rnn.tracking.null import NullStore
from echo_rnn.tracking.quiet import prepare

__all__ = [
    "BENCHMARK_NOTE",
    "TRAINING_NOTE",
    "MetricRow",
    "Run",
    "Store",
    "UnknownRunError",
    "comparison_link",
    "open_store",
    "parallel_link",
    "upload",
]


def open_store(
    uri: str | None, experiment: str, root: Path, *, note: str = TRAINING_NOTE, enabled: bool = True
) -> Store:
    """Opens the tracking store and creates it and the experiment when they are missing.

    Args:
        uri: `sqlite:///<file>` or an `http(s)` server; `MLFLOW_TRACKING_URI` wins over it; None means `mlflow.db` in
            `root`. A relative sqlite file is taken from `root`, not from the current folder.
        experiment: Name of the experiment that holds the runs.
        root: The project's folder.
        note: What the pages say above the runs of the experiment, in Markdown, where it is created.
        enabled: False gives a store with the same interface that keeps nothing.

    Raises:
        UserError: The address is none, or nothing usable answers there; a server is waited for at most 15 s.
    """
    if not enabled:
        return NullStore()
    address = resolve(uri, root)
    prepare()
    # MLflow takes about a second to import, and its settings are read on import.
    from echo_rnn.tracking.store import connect  # noqa: PLC0415

    return connect(address, experiment, note, root)


def upload(uri: str | None, root: Path) -> int:
    """Sends everything that runs have left in `root` because their store was gone; gives how many are complete now.

    Args:
        uri: The store that is configured, as for `open_store`; each run goes to the store that it was begun in.
        root: The project's folder.

    Raises:
        UserError: Something could not be sent; it is kept.
    """
    address = resolve(uri, root)
    prepare()
    from echo_rnn.tracking.upload import send_all  # noqa: PLC0415

    return send_all(address, root)
