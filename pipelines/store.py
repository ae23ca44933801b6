"""The tracking store and the runs that the configuration asks for."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from echo_rnn.config import Config
from echo_rnn.environment import project_root
from echo_rnn.tracking import Run, Store, UnknownRunError, open_store
from echo_rnn.tracking.ui import HOST, PORT

UI = f"http://{HOST}:{PORT}"
"""Where `make ui` shows the embedded store."""


class Tracking(Protocol):
    """The section `tracking`, checked or as Hydra composed it."""

    @property
    def enabled(self) -> bool:
        """Whether anything is kept."""

    @property
    def uri(self) -> str | None:
        """Address of the store; `None` is the embedded one."""

    @property
    def experiment(self) -> str:
        """Name of the experiment."""


def store_of(tracking: Tracking) -> Store:
    """Opens the configured store; fails at once where a server does not answer."""
    return open_store(tracking.uri, tracking.experiment, project_root(), enabled=tracking.enabled)


def new_run(store: Store, config: Config, tags: Mapping[str, str]) -> AbstractContextManager[Run]:
    """A run for one training, with tags to filter by."""
    own = {
        "experiment": config.experiment.name,
        "cell": config.model.cell,
        "unroll": config.unroll.label,
        "compile": config.trainer.compile,
        "scope": config.trainer.scope,
    }
    return store.run(config.run_name, config.experiment.description, own | dict(tags))


def run_of_model(store: Store, config: Config, run_id: str) -> AbstractContextManager[Run]:
    """The run that trained the model, or a new one that says why it is not the same."""
    try:
        if run_id:
            return store.resume(run_id)
    except UnknownRunError:
        # DVC may have restored the model from a cache that was filled on another machine.
        pass
    return new_run(store, config, {"trained_in": run_id or "nowhere", "kind": "evaluation of a model of another store"})
