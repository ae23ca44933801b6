"""The tracking stores and the runs of the stages."""

from typing import Protocol

from echo_rnn.config import Config
from echo_rnn.stages.layout import project_root
from echo_rnn.tracking import Store, comparison_link, open_store, parallel_link
from echo_rnn.tracking.ui import HOST, PORT

UI = f"http://{HOST}:{PORT}"
"""Where `make ui` shows the embedded store."""

_TRAINING_NOTE = """\
Recurrent networks that echo a bit series, unrolled through time in different ways.

A network reads a random binary series and must repeat each bit a few steps later. It learns by truncated
backpropagation through time: windows of a row follow each other, and the state is carried from one to the next.
One run is one training with its evaluation. Runs of a sweep share the tag `sweep`.

| Metric | Meaning |
|---|---|
| `train/loss`, `train/accuracy` | mean over the windows of an epoch; the step is the epoch |
| `validation/loss`, `validation/accuracy` | the validation series with carried state, after the epoch |
| `test/accuracy` | share of the test targets that are predicted correctly |
| `test/accuracy_ceiling` | the best accuracy any model can reach: some targets echo bits that it never saw |
| `test/accuracy_gap` | ceiling minus accuracy |
| `test/loss`, `test/perplexity` | cross-entropy in nats for each target, and its exponential |
| `time/start` | seconds from the start of the process to tracing, with all waiting and generating, to about a second |
| `time/import` | those of them that starting TensorFlow took |
| `time/*` | seconds of wall time for each later phase: trace, compile, steady, validation, evaluation |

Parameters are the composed configuration with dotted names; `git.dirty`: whether the code differed from the commit.
"""

_BENCHMARK_NOTE = """\
Unrolling strategies against each other: one run is one strategy at one shape.

Runs of a sweep share the tag `sweep`; its summary run holds the report, the raw samples and a table.

| Metric | Meaning |
|---|---|
| `step/milliseconds` | median time of a training step: forward, backward, update |
| `step/speedup`, `step/speedup_low`, `step/speedup_high` | time of `dynamic` over its own, with the 95 % interval |
| `forward/*` | the same for a forward pass |
| `prepare/*` | seconds to trace the graph, to compile it, until a first step was done; steps until that pays |
| `throughput/*` | time steps per second, GFLOP/s, and their share of this machine's own matrix product |
| `memory/*` | MiB: peak of a process of its own where it was measured, and stored activations by formula |
| `graph/*` | operations and bytes of the training graph |

The parameter `verdict` is `faster` or `slower` only where the interval excludes 1.
"""


class Tracking(Protocol):
    """The section `tracking`, checked or as Hydra composed it."""

    @property
    def enabled(self) -> bool:
        """Whether runs are stored."""

    @property
    def uri(self) -> str | None:
        """Address of the store; `None` is the embedded one."""

    @property
    def experiment(self) -> str:
        """Name of the experiment."""


def store_of(tracking: Tracking, *, benchmark: bool = False) -> Store:
    """Opens the configured store; refused at once where a server does not answer.

    Args:
        tracking: The section.
        benchmark: Opens the experiment of measurements and not that of trainings.
    """
    suffix, note = ("-benchmark", _BENCHMARK_NOTE) if benchmark else ("", _TRAINING_NOTE)
    return open_store(tracking.uri, tracking.experiment + suffix, project_root(), note=note, enabled=tracking.enabled)


def print_comparison(store: Store, sweep: str) -> None:
    """Prints the links to the charts of a sweep's runs and to their parallel coordinates."""
    if store.experiment_id:
        base = store.address if store.address.startswith("http") else UI
        print(f"compare: {comparison_link(base, store.experiment_id, sweep)}")
        print(f"parallel coordinates: {parallel_link(base, store.experiment_id, store.tagged({'sweep': sweep}))}")
        if base == UI:
            print("(`make ui` shows these pages)")


def run_facts(config: Config) -> tuple[str, str, dict[str, str]]:
    """What the run of a training is opened with: its name, its description, and tags to filter by."""
    tags = {
        "experiment": config.experiment.name,
        "cell": config.model.cell,
        "unroll": config.unroll.label,
        "compile": config.trainer.compile,
        "shards": str(config.trainer.shards),
        "scope": config.trainer.scope,
    }
    return config.run_name, config.experiment.description, tags
