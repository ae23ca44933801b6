"""The training loop: epochs, windows in order, validation, early stop."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Never

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from echo_rnn.cells import StackState
from echo_rnn.config.schema import Trainer
from echo_rnn.errors import UserError
from echo_rnn.evaluation import mean_loss_and_accuracy
from echo_rnn.inputs import features, targets
from echo_rnn.tasks.dataset import Dataset
from echo_rnn.tasks.windows import window_count
from echo_rnn.training.early_stop import EarlyStop
from echo_rnn.training.guard import Guard
from echo_rnn.training.history import EpochRecord, History
from echo_rnn.training.learner import Learner
from echo_rnn.training.pace import Pace
from echo_rnn.windows.buffers import buffers, capacity
from echo_rnn.windows.loop import Array, WindowLoop
from echo_rnn.windows.predictor import Predictor

_SCALAR = tf.TensorSpec((), tf.float32)


def train(
    learner: Learner,
    data: Dataset,
    trainer: Trainer,
    *,
    last_good: Path,
    on_epoch: Callable[[EpochRecord], None] = lambda record: None,
) -> History:
    """Trains `learner` in place.

    Args:
        learner: The network and its optimizer.
        data: Its training and validation series.
        trainer: The settings.
        last_good: Where the last good variables are kept if numbers become NaN or infinite.
        on_epoch: Told about every epoch.

    Raises:
        UserError: Loss, weights or the optimizer's averages became NaN or infinite, or there is not a series for
            each epoch.
    """
    return _Training(learner, data, trainer, last_good, on_epoch).run()


class _Training:
    """One call of `train`: what its parts share."""

    def __init__(
        self,
        learner: Learner,
        data: Dataset,
        trainer: Trainer,
        last_good: Path,
        on_epoch: Callable[[EpochRecord], None],
    ) -> None:
        self._learner = learner
        self._data = data
        self._trainer = trainer
        self._on_epoch = on_epoch
        series, self._rows, row_steps = data.train.x_EBN.shape
        if series < trainer.epochs:
            raise UserError(
                f"trainer.epochs: expected at most {series}, one for each training series of {data.folder}, "
                f"got {trainer.epochs}; run `dvc repro generate` to make more, or lower it"
            )
        self._buffer_size = 1 if trainer.scope == "step" else capacity(row_steps, self._rows, trainer.window)
        self._loop = WindowLoop(self._one_window, [_SCALAR, _SCALAR], trainer.compile)
        self._predictor = Predictor(learner.model, lambda: learner.weights, trainer.window, trainer.compile)
        self._pace = Pace()
        windows, leftover = window_count(row_steps, trainer.window)
        self._guard = Guard(learner, last_good, windows)
        example = np.zeros((self._buffer_size, trainer.window, self._rows), np.uint8)
        preparation = self._loop.prepare([example, example], self._zero_state())
        self._history = History(windows, leftover, preparation)

    def run(self) -> History:
        """See `train`."""
        history, epochs = self._history, self._trainer.epochs
        stop = EarlyStop(self._trainer.early_stop)
        # `disable=None` keeps the bar away where the output is no terminal.
        with tqdm(total=epochs * history.windows, unit="step", disable=None, smoothing=0.1) as bar:
            for epoch in range(1, epochs + 1):
                record = self._epoch(epoch, bar)
                history.epochs.append(record)
                self._on_epoch(record)
                if record.validation_loss is not None:
                    stop.look(record.validation_loss, epoch, self._guard.good)
                if stop.exhausted:
                    history.stopped_early = epoch < epochs
                    break
        history.kept_epoch = len(history.epochs)
        if stop.best is not None and stop.best_epoch < history.kept_epoch:
            self._learner.restore(stop.best)
            history.kept_epoch = stop.best_epoch
        return history

    def _epoch(self, epoch: int, bar: "tqdm[Never]") -> EpochRecord:
        """One pass over the epoch's series from a zero state, then a look at the validation series if it is time."""
        history = self._history
        first_block, seconds_before = len(history.losses), history.steady_seconds
        self._windows(epoch, bar)
        self._guard.check_variables(history.steps)
        losses, accuracies = (np.concatenate(kind[first_block:]) for kind in (history.losses, history.accuracies))
        validation_loss, validation_accuracy = self._validate(epoch)
        return EpochRecord(
            epoch,
            float(losses.mean(dtype=np.float64)),
            float(accuracies.mean(dtype=np.float64)),
            validation_loss,
            validation_accuracy,
            len(losses) / (history.steady_seconds - seconds_before),
        )

    def _windows(self, epoch: int, bar: "tqdm[Never]") -> None:
        """All windows of an epoch, some at a time."""
        series = [split[epoch - 1] for split in (self._data.train.x_EBN, self._data.train.y_EBN)]
        state = self._zero_state()
        for buffer in buffers(series, self._trainer.window, self._buffer_size):
            first = 0
            while first < buffer.count:
                count = self._pace.next(buffer.count - first)
                state = self._block(buffer.arrays, first, count, state)
                first += count
                loss, accuracy = (kind[-1].mean() for kind in (self._history.losses, self._history.accuracies))
                bar.set_postfix(epoch=epoch, loss=f"{loss:.4f}", accuracy=f"{accuracy:.4f}", refresh=False)
                bar.update(count)

    def _block(self, arrays: Sequence[Array], first: int, count: int, state: StackState) -> StackState:
        """One call: `count` windows of a buffer."""
        start = time.perf_counter()
        state, (losses, accuracies) = self._loop(arrays, first, count, state)
        seconds = time.perf_counter() - start
        self._pace.measured(count, seconds)
        self._history.add(losses, accuracies, seconds)
        self._guard.check_losses(losses, self._history.steps)
        return state

    def _validate(self, epoch: int) -> tuple[float | None, float | None]:
        if epoch % self._trainer.validate_every and epoch != self._trainer.epochs:
            return None, None
        start = time.perf_counter()
        split = self._data.validation
        loss, accuracy = mean_loss_and_accuracy(self._predictor(split.x_EBN[0], split.y_EBN[0], leftover=False))
        self._history.validation_seconds += time.perf_counter() - start
        self._guard.check_validation(loss, self._history.steps)
        return loss, accuracy

    def _one_window(self, arrays: Sequence[tf.Tensor], state: StackState) -> tuple[StackState, Sequence[tf.Tensor]]:
        x_TB, y_TB = arrays
        state, loss, accuracy = self._learner.step(features(x_TB), targets(y_TB), state)
        return state, [loss, accuracy]

    def _zero_state(self) -> StackState:
        return self._learner.model.zero_state(self._rows)
