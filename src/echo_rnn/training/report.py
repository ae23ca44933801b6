"""The numbers of a training as files: tables of its epochs and `metrics.json`."""

from pathlib import Path
from typing import Any

from echo_rnn.files import write_json, write_table
from echo_rnn.training.history import History

COLUMNS = ("epoch", "loss", "accuracy")


def write_report(history: History, folder: Path) -> None:
    """Writes `epochs.csv`, `validation.csv` and `metrics.json`."""
    epochs = ((record.epoch, record.loss, record.accuracy) for record in history.epochs)
    validated = (
        (record.epoch, record.validation_loss, record.validation_accuracy)
        for record in history.epochs
        if record.validation_loss is not None
    )
    write_table(folder / "epochs.csv", COLUMNS, epochs)
    write_table(folder / "validation.csv", COLUMNS, validated)
    write_json(folder / "metrics.json", numbers(history))


def numbers(history: History) -> dict[str, Any]:
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
