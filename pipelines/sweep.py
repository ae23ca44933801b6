"""Around the jobs of a multirun: the store is there before they fan out; table, summary run and link come after."""

import time
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from echo_rnn.errors import one_sentence
from pipelines.job import sweep_name
from pipelines.store import print_comparison, store_of
from pipelines.summary import Summary, read_results

TRAINING = "job"
"""What Hydra calls the program whose jobs train, after its file; a benchmark reports for itself."""


class SweepCallback(Callback):
    """Named in `conf/hydra/callbacks/sweep.yaml`; Hydra calls it in the process that launches the jobs."""

    def __init__(self) -> None:
        self._start = time.time()

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Creates the store once: processes that create it at the same time destroy it."""
        with one_sentence():
            store_of(config.tracking)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Says how the jobs compare, and ends the program with exit code 1 if one failed."""
        if config.hydra.job.name != TRAINING:
            return
        folder = Path(config.hydra.sweep.dir)
        name = sweep_name(folder)
        summary = Summary(name, read_results(folder))
        summary.show()
        with one_sentence():
            store = store_of(config.tracking)
            with store.run(f"summary of {name}", summary.markdown(), {"summary_of": name, "kind": "summary"}) as run:
                run.log_metrics(summary.metrics())
                run.log_text(summary.markdown(), "summary.md")
        print_comparison(store, name)
        print(f"all files: {folder.absolute()}")
        if summary.failed:
            raise SystemExit(1)
