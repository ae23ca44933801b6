"""What MLflow shows above the runs of the experiment."""

EXPERIMENT_NOTE = """\
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
| `time/*` | seconds of wall time for each phase: import, trace, compile, steady, validation, evaluation |

Parameters are the composed configuration with dotted names; `git.dirty` says whether the code differed from the commit.
"""
