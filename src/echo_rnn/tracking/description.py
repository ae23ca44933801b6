"""What MLflow shows above the runs of an experiment."""

TRAINING_NOTE = """\
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

Parameters are the composed configuration with dotted names; `git.dirty` says whether the code differed from the commit.
"""

BENCHMARK_NOTE = """\
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

The parameter `verdict` says `faster` or `slower` only where the interval excludes 1.
"""
