"""The training loop: epochs, windows in order, validation, early stop, and what to do when numbers go bad."""

import math
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
from echo_rnn.training import checkpoint
from echo_rnn.training.history import EpochRecord, History
from echo_rnn.training.learner import Learner, Snapshot
from echo_rnn.training.pace import Pace
from echo_rnn.windows.buffers import buffers, capacity
from echo_rnn.windows.loop import WindowLoop
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
        last_good: Where the last good variables are kept if loss or weights become NaN or infinite.
        on_epoch: Told about every epoch.

    Raises:
        UserError: Loss or weights became NaN or infinite.
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
        self._last_good = last_good
        self._on_epoch = on_epoch
        _, self._rows, row_steps = data.train.x_EBN.shape
        self._buffer_size = 1 if trainer.scope == "step" else capacity(row_steps, self._rows, trainer.window)
        self._loop = WindowLoop(self._one_window, [_SCALAR, _SCALAR], trainer.compile)
        self._predictor = Predictor(learner.model, lambda: learner.weights, trainer.window, trainer.compile)
        self._pace = Pace()
        windows, leftover = window_count(row_steps, trainer.window)
        example = np.zeros((self._buffer_size, trainer.window, self._rows), np.uint8)
        preparation = self._loop.prepare([example, example], self._zero_state())
        self._history = History(windows, leftover, preparation)

    def run(self) -> History:
        """See `train`."""
        best, best_loss, looks_without = self._learner.snapshot(), math.inf, 0
        stop = self._trainer.early_stop
        total = self._trainer.epochs * self._history.windows
        # `disable=None` keeps the bar away where the output is no terminal.
        with tqdm(total=total, unit="step", disable=None, smoothing=0.1) as bar:
            for epoch in range(1, self._trainer.epochs + 1):
                record = self._epoch(epoch, bar)
                self._on_epoch(record)
                if stop.patience is None or record.validation_loss is None:
                    continue
                if record.validation_loss < best_loss - stop.min_delta:
                    best, best_loss, looks_without = self._learner.snapshot(), record.validation_loss, 0
                else:
                    looks_without += 1
                if looks_without == stop.patience:
                    self._history.stopped_early = True
                    break
        if stop.patience is not None and looks_without:
            self._learner.restore(best)
        return self._history

    def _epoch(self, epoch: int, bar: "tqdm[Never]") -> EpochRecord:
        first_block, seconds_before = len(self._history.losses), self._history.steady_seconds
        series = [split[epoch - 1] for split in (self._data.train.x_EBN, self._data.train.y_EBN)]
        state = self._zero_state()
        for buffer in buffers(series, self._trainer.window, self._buffer_size):
            first = 0
            while first < buffer.count:
                count = self._pace.next(buffer.count - first)
                state = self._block(buffer.arrays, first, count, state)
                first += count
                bar.set_postfix(
                    epoch=epoch,
                    loss=f"{self._history.losses[-1].mean():.4f}",
                    accuracy=f"{self._history.accuracies[-1].mean():.4f}",
                    refresh=False,
                )
                bar.update(count)
        losses = np.concatenate(self._history.losses[first_block:])
        accuracies = np.concatenate(self._history.accuracies[first_block:])
        seconds = self._history.steady_seconds - seconds_before
        validation_loss, validation_accuracy = self._validate(epoch)
        return EpochRecord(
            epoch,
            float(losses.mean(dtype=np.float64)),
            float(accuracies.mean(dtype=np.float64)),
            validation_loss,
            validation_accuracy,
            len(losses) / seconds,
        )

    def _block(
        self,
        arrays: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]],
        first: int,
        count: int,
        state: StackState,
    ) -> StackState:
        """Runs `count` windows and checks on the host what came: XLA drops checks inside the graph without a word."""
        before = self._learner.snapshot()
        start = time.perf_counter()
        state, (losses, accuracies) = self._loop(arrays, first, count, state)
        seconds = time.perf_counter() - start
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size or not self._learner.snapshot().is_finite:
            # The loss is taken before the update, so weights may be bad while every loss so far is good.
            self._give_up(before, int(bad[0]) if bad.size else count, float(losses[bad[0]]) if bad.size else math.nan)
        self._pace.measured(count, seconds)
        self._history.steady_seconds += seconds
        self._history.losses.append(losses)
        self._history.accuracies.append(accuracies)
        return state

    def _give_up(self, before: Snapshot, steps_into_block: int, loss: float) -> None:
        good = self._history.steps
        step = good + steps_into_block
        epoch, window = divmod(step, self._history.windows)
        checkpoint.save(self._last_good, before, good)
        raise UserError(
            f"training: expected a finite loss, got {loss} at step {step} (epoch {epoch + 1}, window {window}); "
            f"lower optimizer.learning_rate or choose clipping=global_norm; "
            f"the variables after step {good} are kept in {self._last_good}"
        )

    def _validate(self, epoch: int) -> tuple[float | None, float | None]:
        if epoch % self._trainer.validate_every and epoch != self._trainer.epochs:
            return None, None
        start = time.perf_counter()
        split = self._data.validation
        result = mean_loss_and_accuracy(self._predictor(split.x_EBN[0], split.y_EBN[0], leftover=False))
        self._history.validation_seconds += time.perf_counter() - start
        return result

    def _one_window(self, arrays: Sequence[tf.Tensor], state: StackState) -> tuple[StackState, Sequence[tf.Tensor]]:
        x_TB, y_TB = arrays
        state, loss, accuracy = self._learner.step(features(x_TB), targets(y_TB), state)
        return state, [loss, accuracy]

    def _zero_state(self) -> StackState:
        return self._learner.model.zero_state(self._rows)
