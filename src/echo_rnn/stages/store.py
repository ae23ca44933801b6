"""The tracking stores and the runs of the stages."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from echo_rnn.config import Config
from echo_rnn.config.schema import Tracking
from echo_rnn.errors import UserError
from echo_rnn.gc_paused import gc_paused
from echo_rnn.stages.layout import project_root
from echo_rnn.tracking import Run, Store, UnknownRunError, View, database_of, open_store, view_link
from echo_rnn.tracking.ui import HOST, PORT
from echo_rnn.tracking.view import MOST_PARAMETERS, with_tag

UI = f"http://{HOST}:{PORT}"
"""Where `make ui` shows the embedded store."""

_ELSEWHERE = ("slurm", "ray_cluster")
"""The launchers that start jobs on other machines."""

SPEED_CHARTS = ("speed/step_microseconds", "speed/first_call_seconds", "speed/steps_seconds")
"""The charts of trainings that stand first."""
TRAININGS = View("tags.`unroll` LIKE '%'", SPEED_CHARTS, fastest_first=False)
"""All trainings, from the newest to the oldest, also those at work; no summaries of sweeps."""

CONFIG, NETWORK = "config", "network"
"""Artifacts of a training from which it can be evaluated again; see `stages.fetch`."""

_TRAINING_NOTE = """\
Recurrent networks that echo a bit series, unrolled through time in different ways.

A network reads a random binary series and must repeat each bit a few steps later. It learns by truncated
backpropagation through time: windows of a row follow each other, and the state is carried from one to the next.
One run is one training with its evaluation. Runs of a sweep share the tag `sweep`.

| Metric | Meaning |
|---|---|
| `speed/step_microseconds` | mean time of a training step |
| `speed/first_call_seconds` | tracing, and compiling or loading as the tag `first_call` says, before the first step |
| `speed/steps_seconds` | all training steps together |
| `train/loss`, `train/accuracy` | mean over the windows of an epoch; the step is the epoch |
| `validation/loss`, `validation/accuracy` | the validation series with carried state, after the epoch |
| `test/accuracy` | share of the test targets that are predicted correctly |
| `test/accuracy_ceiling` | score of a predictor that knows the rule and guesses echoes of bits it never saw |
| `test/accuracy_gap` | that score minus the accuracy; below 0 where guesses were luckier |
| `test/loss`, `test/perplexity` | cross-entropy in nats for each target, and its exponential |
| `time/start` | seconds from the start of the process to tracing, with all waiting and generating, to about a second |
| `time/import` | those of them that starting TensorFlow took |
| `time/*` | seconds of wall time for each later phase: trace, compile, validation, evaluation |

Parameters are the composed configuration with dotted names; `git.dirty`: whether the code differed from the commit.
"""

_BENCHMARK_NOTE = """\
Unrolling strategies against each other: one run is one strategy at one shape.

Runs of a sweep share the tag `sweep`; its summary run holds the report, the raw samples and a table.

| Metric | Meaning |
|---|---|
| `step/microseconds` | median time of a training step: forward, backward, update |
| `step/speedup`, `step/speedup_low`, `step/speedup_high` | time of `dynamic` over its own, with the 95 % interval |
| `forward/*` | the same for a forward pass |
| `prepare/*` | seconds to trace the graph, to compile it, until a first step was done; steps until that pays |
| `throughput/*` | time steps per second, GFLOP/s, and their share of this machine's own matrix product |
| `memory/*` | MiB: peak of a process of its own where it was measured, and stored activations by formula |
| `graph/*` | operations and bytes of the training graph |

The parameter `verdict` is `faster` or `slower` only where the interval excludes 1.
"""


def store_of(tracking: Tracking, *, benchmark: bool = False) -> Store:
    """Opens the configured store; refused at once where a server does not answer.

    Args:
        tracking: The section, checked or as Hydra composed it.
        benchmark: Opens the experiment of measurements and not that of trainings.
    """
    suffix, note = ("-benchmark", _BENCHMARK_NOTE) if benchmark else ("", _TRAINING_NOTE)
    experiment, enabled = tracking.experiment + suffix, tracking.enabled
    with gc_paused():
        return open_store(tracking.uri, experiment, project_root(), note=note, enabled=enabled)


def require_server(tracking: Tracking, launcher: str) -> None:
    """Refuses the embedded store for a launcher that starts jobs on other machines: SQLite is for one.

    Args:
        tracking: The section, checked or as Hydra composed it.
        launcher: The option of `hydra/launcher`.

    Raises:
        UserError: The store is a file.
    """
    if launcher in _ELSEWHERE and tracking.enabled and (place := database_of(tracking.uri, project_root())):
        raise UserError(
            f"tracking.uri: expected a server for hydra/launcher={launcher}, which starts jobs on other machines, got "
            f"the file {place}; set tracking=server tracking.uri=http://…, or tracking=none",
            "store.shared_file",
        )


def print_comparison(store: Store, sweep: str, charts: Sequence[str], tag: str = "sweep") -> None:
    """Prints the link to the charts of a sweep's runs.

    Args:
        store: Where they are.
        sweep: The value of the tag that they share.
        charts: The metrics whose charts stand first.
        tag: The name of that tag.
    """
    if store.experiment_id:
        base = store.address if store.address.startswith("http") else UI
        view = View(with_tag(tag, sweep), charts, store.differing({tag: sweep})[:MOST_PARAMETERS])
        print(f"compare: {view_link(base, store.experiment_id, store.share(view))}")
        if base == UI:
            print("(`make ui` shows these pages)")


def run_link(store: Store, run_id: str) -> str:
    """Link to the page of a run; empty where nothing is tracked."""
    if not run_id:
        return ""
    base = store.address if store.address.startswith("http") else UI
    return f"{base.rstrip('/')}/#/experiments/{store.experiment_id}/runs/{run_id}"


def open_run(store: Store, config: Config, run_id: str, tags: Mapping[str, str]) -> AbstractContextManager[Run]:
    """Resumes the run `run_id` or, where it is empty or not in the store, opens a new one.

    Args:
        store: The store.
        config: Of the training; it gives a new run its name, its description, and tags to filter by.
        run_id: The id.
        tags: More tags of a new run.
    """
    if run_id:
        try:
            return store.resume(run_id)
        except UnknownRunError as error:
            print(f"note: {error}; a new run is opened", file=sys.stderr)
    facts = {
        "experiment": config.experiment.name,
        "cell": config.model.cell,
        "unroll": config.unroll.label,
        "compile": config.trainer.compile,
        "shards": str(config.trainer.shards),
        "scope": config.trainer.scope,
    }
    return store.run(config.run_name, config.experiment.description, {**facts, **tags})
