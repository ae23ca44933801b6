"""The tracking store: the only room that imports MLflow, and only when a store is opened.

store = open_store(uri=None, experiment="echo", root=project_root())
with store.run("dynamic-xla-lstm3x4-T15-seed0", description="...", tags={"sweep": "..."}) as run:
    run.log_config(config)
    run.log_metrics([("train/loss", 0.69, 0)])

What is logged is written into an outbox on this machine first (`run`, `outbox`), and delivered to the store in the
background (`deliver`); what a process could not deliver, a later one does.
"""

from echo_rnn.tracking.address import database_of
from echo_rnn.tracking.deliver import deliver_all
from echo_rnn.tracking.run import Data, MetricRow, Run
from echo_rnn.tracking.store import Store, UnknownRunError, open_store
from echo_rnn.tracking.view import View, view_link

__all__ = [
    "Data",
    "MetricRow",
    "Run",
    "Store",
    "UnknownRunError",
    "View",
    "database_of",
    "deliver_all",
    "open_store",
    "view_link",
]
