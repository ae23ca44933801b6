"""What stages log to the tracking store, by the names of its charts."""

from collections.abc import Iterator

from echo_rnn.evaluation.scores import Evaluation
from echo_rnn.tracking import MetricRow
from echo_rnn.training import EpochRecord, History


def epoch_metrics(record: EpochRecord) -> Iterator[MetricRow]:
    """One epoch for the tracking store; the step is the epoch."""
    yield "train/loss", record.loss, record.epoch
    yield "train/accuracy", record.accuracy, record.epoch
    yield "train/steps_per_second", record.steps_per_second, record.epoch
    if record.validation_loss is not None and record.validation_accuracy is not None:
        yield "validation/loss", record.validation_loss, record.epoch
        yield "validation/accuracy", record.validation_accuracy, record.epoch


def phase_metrics(history: History, import_seconds: float, start_seconds: float) -> Iterator[MetricRow]:
    """Where the wall time of a training went, and what was left over.

    Args:
        history: The training.
        import_seconds: Starting TensorFlow.
        start_seconds: From the start of the process until only tracing and compiling were left to do before a step.
    """
    last = len(history.epochs)
    yield "time/start", start_seconds, last
    yield "time/import", import_seconds, last
    yield "time/trace", history.preparation.trace_seconds, last
    yield "time/compile", history.preparation.compile_seconds, last
    yield "time/steady", history.steady_seconds, last
    yield "time/validation", history.validation_seconds, last
    yield "train/steps", history.steps, last
    yield "train/leftover_steps", history.leftover_steps, last


def test_metrics(evaluation: Evaluation, seconds: float) -> Iterator[MetricRow]:
    """The evaluation for the tracking store."""
    yield from ((f"test/{name}", value, 0) for name, value in _shown(evaluation).items())
    yield "time/evaluation", seconds, 0


def _shown(evaluation: Evaluation) -> dict[str, float]:
    """What charts show; a number of targets says nothing beside others."""
    return {name: value for name, value in evaluation.metrics().items() if name != "targets" and value is not None}
