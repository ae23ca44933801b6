"""The files that stages leave for people and for DVC: tables, numbers and pictures."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from echo_rnn.evaluation.scores import Evaluation
from echo_rnn.files import write_json, write_text
from echo_rnn.plots import diagnosis, echo_picture, save, training_curves
from echo_rnn.training import EpochRecord, History


def training_numbers(history: History) -> dict[str, Any]:
    """The outcome of a training; nothing timed, so that an equal training gives an equal file."""
    kept = history.epochs[history.weights_epoch - 1]
    return {
        "loss": kept.loss,
        "accuracy": kept.accuracy,
        "validation_loss": kept.validation_loss,
        "validation_accuracy": kept.validation_accuracy,
        "kept_epoch": history.weights_epoch,
        "epochs": len(history.epochs),
        "steps": history.steps,
        "leftover_steps": history.leftover_steps,
        "stopped_early": history.stopped_early,
    }


def report_training(history: History, ceiling: float, folder: Path) -> Path:
    """Writes tables of the epochs, `metrics.json` and the curves; gives the path of the picture."""
    records = history.epochs
    validated = [record for record in records if record.validation_loss is not None]
    _table(folder / "epochs.csv", ("epoch", "loss", "accuracy"), ((r.epoch, r.loss, r.accuracy) for r in records))
    _table(
        folder / "validation.csv",
        ("epoch", "loss", "accuracy"),
        ((r.epoch, r.validation_loss, r.validation_accuracy) for r in validated),
    )
    write_json(folder / "metrics.json", training_numbers(history))
    picture = folder / "curves.png"
    points = [_point(record, history.windows) for record in validated]
    save(training_curves(history.losses, history.accuracies, history.windows, points, ceiling), picture)
    return picture


def report_evaluation(evaluation: Evaluation, window: int, echo_step: int, folder: Path) -> list[Path]:
    """Writes `metrics.json`, tables and pictures; gives the paths of the pictures."""
    by_position = zip(evaluation.by_position_T, evaluation.by_position_zeroed_T, strict=True)
    _table(
        folder / "by_position.csv",
        ("position", "carried", "zeroed"),
        ((t, *pair) for t, pair in enumerate(by_position)),
    )
    _table(folder / "by_lag.csv", ("lag", "share"), enumerate(evaluation.by_lag_K))
    counts = np.ndenumerate(evaluation.confusion_CC)
    _table(folder / "confusion.csv", ("actual", "predicted", "count"), ((*pair, count) for pair, count in counts))
    write_json(folder / "metrics.json", evaluation.metrics() | evaluation.tables())
    sample = evaluation.sample
    p_BN = softmax(sample.logits_BNC, axis=-1)[..., 1]
    echo, shape = folder / "echo.png", folder / "diagnosis.png"
    save(echo_picture(sample.x_BN, sample.y_BN, p_BN, window, echo_step), echo)
    arrays = (evaluation.by_position_T, evaluation.by_position_zeroed_T, evaluation.by_lag_K, evaluation.confusion_CC)
    save(diagnosis(*arrays, echo_step), shape)
    return [echo, shape]


def _point(record: EpochRecord, windows: int) -> tuple[int, float, float]:
    assert record.validation_loss is not None
    assert record.validation_accuracy is not None
    return record.epoch * windows, record.validation_loss, record.validation_accuracy


def _table(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    # A cell without a number stays empty.
    writer.writerows([None if isinstance(cell, float) and np.isnan(cell) else cell for cell in row] for row in rows)
    write_text(path, text.getvalue())
