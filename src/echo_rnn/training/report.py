"""The numbers of a training as files: tables of its epochs and `metrics.json`."""

from pathlib import Path

from echo_rnn.files import write_json, write_table
from echo_rnn.training.history import History


def write_report(history: History, folder: Path) -> None:
    """Writes `epochs.csv`, `validation.csv` and `metrics.json`."""
    epochs = ((record.epoch, record.loss, record.accuracy) for record in history.epochs)
    validated = (
        (record.epoch, record.validation_loss, record.validation_accuracy)
        for record in history.epochs
        if record.validation_loss is not None
    )
    columns = ("epoch", "loss", "accuracy")
    write_table(folder / "epochs.csv", columns, epochs)
    write_table(folder / "validation.csv", columns, validated)
    kept = history.epochs[history.weights_epoch - 1]
    # Nothing timed, so that an equal training gives an equal file.
    numbers = {
        "loss": kept.loss,
        "accuracy": kept.accuracy,
        "validation_loss": kept.validation_loss,
        "validation_accuracy": kept.validation_accuracy,
        "weights_epoch": history.weights_epoch,
        "epochs": len(history.epochs),
        "steps": history.steps,
        "leftover_steps": history.leftover_steps,
        "stopped_early": history.stopped_early,
    }
    write_json(folder / "metrics.json", numbers)
