"""The numbers of an evaluation as files: `metrics.json` and tables."""

from pathlib import Path

import numpy as np

from echo_rnn.evaluation.scores import Evaluation
from echo_rnn.files import write_json, write_table


def write_report(evaluation: Evaluation, folder: Path) -> Path:
    """Writes three tables and `metrics.json`, whose path it returns."""
    carried = evaluation.carried
    by_position = zip(carried.by_position_T, evaluation.zeroed.by_position_T, strict=True)
    positions = ((position, *accuracies) for position, accuracies in enumerate(by_position))
    counts = ((*classes, count) for classes, count in np.ndenumerate(carried.confusion_CC))
    write_table(folder / "by_position.csv", ("position", "carried", "zeroed"), positions)
    write_table(folder / "by_lag.csv", ("lag", "share"), enumerate(carried.by_lag_K))
    write_table(folder / "confusion.csv", ("actual", "predicted", "count"), counts)
    metrics = folder / "metrics.json"
    write_json(metrics, evaluation.metrics() | evaluation.tables())
    return metrics
