"""The tracking store and the runs that the configuration asks for."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from echo_rnn.config import Config
from echo_rnn.stages.layout import project_root
from echo_rnn.tracking import TRAINING_NOTE, Run, Store, UnknownRunError, comparison_link, open_store, parallel_link
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


def store_of(tracking: Tracking, suffix: str = "", note: str = TRAINING_NOTE) -> Store:
    """Opens the configured store; fails at once where a server does not answer.

    Args:
        tracking: The section.
        suffix: Makes another experiment of it.
        note: What the pages say above the experiment's runs.
    """
    return open_store(tracking.uri, tracking.experiment + suffix, project_root(), note=note, enabled=tracking.enabled)


def print_comparison(store: Store, sweep: str) -> None:
    """Prints the links to the charts of a sweep's runs and to their parallel coordinates."""
    if store.experiment_id:
        base = store.address if store.address.startswith("http") else UI
        print(f"compare: {comparison_link(base, store.experiment_id, sweep)}")
        print(f"parallel coordinates: {parallel_link(base, store.experiment_id, store.tagged({'sweep': sweep}))}")
        if base == UI:
            print("(`make ui` shows these pages)")


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
