"""The training loop: epochs, windows in order, validation, early stop, checkpoints between calls."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Never

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from echo_rnn.config.schema import Trainer
from echo_rnn.core.shards import Carried
from echo_rnn.core.windows.buffers import buffers, capacity, window_count
from echo_rnn.core.windows.loop import Array, WindowLoop
from echo_rnn.core.windows.predictor import Predictor
from echo_rnn.core.windows.stored import Affine, classes
from echo_rnn.errors import UserError
from echo_rnn.tasks.dataset import Dataset
from echo_rnn.training.checkpoints import Checkpoints, Progress, Seconds
from echo_rnn.training.early_stop import Memory
from echo_rnn.training.guard import Guard
from echo_rnn.training.history import EpochRecord, History
from echo_rnn.training.learner import Learner
from echo_rnn.training.stopping import StoppedError
from echo_rnn.training.validation import validate

_SCALAR = tf.TensorSpec((), tf.float32)
_SECONDS_PER_CALL = 0.5
_FIRST_COUNT = 16
_GROWTH = 16


class Training:
    """Trains a learner in place.

    A training that resumes from a checkpoint computes what it would have computed without the break, to the bit.
    """

    def __init__(
        self,
        learner: Learner,
        data: Dataset,
        trainer: Trainer,
        checkpoints: Checkpoints,
        start: Progress | None,
        *,
        profiles: Path = Path("profile"),
    ) -> None:
        """Compiles.

        Args:
            learner: The network and its optimizer.
            data: Its training and validation series.
            trainer: The settings.
            checkpoints: Where progress is saved.
            start: The progress to resume from, as `checkpoints.newest` returns it; `None` to train from the beginning.
            profiles: A folder for what TensorFlow's profiler records, if `trainer.profile` asks for it.

        Raises:
            UserError: There is not a series for each epoch.
        """
        self._learner = learner
        self._data = data
        self._trainer = trainer
        self._checkpoints = checkpoints
        series, self._rows, row_steps, _ = data.train.x_EBNI.shape
        # A series that does not differ from epoch to epoch is stored once.
        self._fresh = data.fresh and not trainer.overfit
        if self._fresh and series < trainer.epochs:
            raise UserError(
                f"trainer.epochs: expected at most {series}, one for each training series of {data.folder}, "
                f"got {trainer.epochs}; run `dvc repro generate` to make more, or lower it",
                "training.too_few_series",
            )
        for name, split in (("training", data.train), ("validation", data.validation)):
            if split.y.shape[2] < trainer.window:
                raise UserError(
                    f"trainer.window: expected at most {split.y.shape[2]} steps, a row of the {name} split, got "
                    f"{trainer.window}; lower it or task.batch_size, or give more data",
                    "data.too_short",
                )
        if trainer.overfit:
            row_steps = min(row_steps, trainer.overfit * trainer.window)
        self._steps = row_steps
        self._buffer_size = 1 if trainer.scope == "step" else capacity(row_steps, self._rows, trainer.window)
        scaling, self._warmup = data.ends.scaling, data.warmup
        self._features = Affine(scaling.input_offset_I, scaling.input_scale_I, data.units.x)
        self._targets: Callable[[tf.Tensor], tf.Tensor] = classes
        if data.ends.kind == "real":
            self._targets = Affine(scaling.target_offset_K, scaling.target_scale_K, data.units.y)
        outputs = [_SCALAR] * (2 if self._warmup is None else 3)
        self._loop = WindowLoop(self._one_window, outputs, trainer.compile, learner.shards)
        self._predictor = Predictor(
            learner.model, lambda: learner.weights, self._features, trainer.window, trainer.compile, warmup=data.warmup
        )
        self._pace = Pace()
        self._state = self._zero_state()
        windows, leftover = window_count(row_steps, trainer.window)
        with learner.undone():
            preparation = self._loop.prepare(self._example(), self._state)
        self._history = History(windows, leftover, preparation, checkpoints.log)
        self._memory = Memory()
        self._profiles, self._profile = profiles, trainer.profile
        # Not what the first call of all does.
        self._profile_from = min(_FIRST_COUNT, trainer.epochs * windows // 2)
        if start is not None:
            self._resume(start)
        self._guard = Guard(self._progress, checkpoints.save, windows)

    def run(self, stop_requested: Callable[[], bool], on_epoch: Callable[[EpochRecord], None]) -> History:
        """Trains to the last epoch, or until the validation loss no longer falls.

        Args:
            stop_requested: Whether to end early; called between calls of the compiled loop.
            on_epoch: Called with the record of each epoch that ends in this process.

        Raises:
            NonFiniteError: Loss, weights or the optimizer's averages became NaN or infinite.
            UserError: A checkpoint could not be written.
            StoppedError: A stop was requested; the progress is saved.
        """
        history, epochs = self._history, self._trainer.epochs
        total = epochs * history.windows
        self._checkpoints.save(self._guard.good)
        if stop_requested():  # during compilation
            raise StoppedError(history.steps, total)
        # `disable=None` keeps the bar away where the output is no terminal.
        with tqdm(total=total, initial=history.steps, unit="step", disable=None, smoothing=0.1) as bar:
            while len(history.epochs) < epochs and not self._patience_ran_out():
                for _ in self._windows(bar):
                    self._save_if_due(stop_requested, total)
                on_epoch(self._end_epoch())
                self._save_if_due(stop_requested, total)
        # What follows a training may be stopped, too, and resumes from its end.
        self._guard.check_variables()
        self._checkpoints.save(self._guard.good)
        history.weights_epoch = len(history.epochs)
        history.stopped_early = history.weights_epoch < epochs
        best = self._memory.best
        if best is not None and self._memory.best_epoch < history.weights_epoch:
            self._learner.restore(best)
            history.weights_epoch = self._memory.best_epoch
        return history

    def _patience_ran_out(self) -> bool:
        patience = self._trainer.early_stop.patience
        return patience is not None and self._memory.looks_without >= patience

    def _windows(self, bar: "tqdm[Never]") -> Iterator[None]:
        """Runs the remaining windows of the current epoch, some in each call; yields after each call."""
        history = self._history
        epoch = len(history.epochs)
        train = self._data.train
        number = epoch if self._fresh else 0
        series = (train.x_EBNI[number][:, : self._steps], train.y[number][:, : self._steps])
        window, start = self._trainer.window, history.windows_done
        for buffer in buffers(series, window, self._buffer_size, start, warmup=self._warmup):
            first = 0
            while first < buffer.count:
                count, profiled = self._due(self._pace.next(buffer.count - first))
                with tf.profiler.experimental.Profile(str(self._profiles)) if profiled else nullcontext():
                    losses, scores = self._block(buffer.arrays, first, count)
                first += count
                loss, score = (f"{values.mean():.4f}" for values in (losses, scores))
                bar.set_postfix({"epoch": epoch + 1, "loss": loss, self._learner.score: score}, refresh=False)
                bar.update(count)
                yield

    def _due(self, count: int) -> tuple[int, bool]:
        """How many of the next windows to run in one call, and whether it is the one that is recorded."""
        if self._profile is None:
            return count, False
        if before := max(0, self._profile_from - self._history.steps):
            return min(count, before), False
        count, self._profile = min(count, self._profile), None
        return count, True

    def _block(self, arrays: Sequence[Array], first: int, count: int) -> list[Array]:
        """One call: runs `count` windows of a buffer and returns their losses and scores."""
        start = time.perf_counter()
        self._state, (losses, scores, *counted) = self._loop(arrays, first, count, self._state)
        seconds = time.perf_counter() - start
        self._pace.measured(count, seconds)
        self._history.add(losses, scores, counted[0] if counted else np.ones_like(losses), seconds)
        self._guard.check_losses(losses, self._history.steps)
        return [losses, scores]

    def _end_epoch(self) -> EpochRecord:
        """Validates where it is due, updates early stopping, and zeroes the state for the next epoch."""
        history = self._history
        self._guard.check_variables()
        record = history.end_epoch(*self._validate(len(history.epochs) + 1))
        self._state = self._zero_state()
        early_stop, loss = self._trainer.early_stop, record.validation_loss
        if loss is not None and early_stop.patience is not None:
            self._memory = self._memory.look(loss, record.epoch, self._guard.good.variables, early_stop.min_delta)
        return record

    def _validate(self, epoch: int) -> tuple[float | None, float | None]:
        if epoch % self._trainer.validate_every and epoch != self._trainer.epochs:
            return None, None
        start = time.perf_counter()
        split = self._data.validation
        chunks = self._predictor(split.x_EBNI[0], split.y[0], leftover=False)
        loss, score = validate(chunks, self._learner.loss, self._targets, self._learner.model.outputs)
        self._history.validation_seconds += time.perf_counter() - start
        self._guard.check_validation(loss, self._history.steps)
        return loss, score

    def _save_if_due(self, stop_requested: Callable[[], bool], total: int) -> None:
        stop = stop_requested()
        if stop or self._checkpoints.due:
            self._guard.check_variables()
            self._checkpoints.save(self._guard.good)
        if stop:
            raise StoppedError(self._history.steps, total)

    def _progress(self) -> Progress:
        """A copy of everything that the rest of the training depends on."""
        history = self._history
        return Progress(
            steps=history.steps,
            epochs=list(history.epochs),
            variables=self._learner.snapshot(),
            state=[np.array(tensor) for tensor in tf.nest.flatten(self._state)],
            early_stop=self._memory,
            seconds=Seconds(history.steady_seconds, history.epoch_seconds, history.validation_seconds),
            offset=history.log.offset(),
        )

    def _resume(self, start: Progress) -> None:
        """Restores what `_progress` returned."""
        history = self._history
        self._learner.restore(start.variables)
        self._state = tf.nest.pack_sequence_as(self._state, [tf.constant(array) for array in start.state])
        self._memory = start.early_stop
        history.steps, history.epochs = start.steps, list(start.epochs)
        history.steady_seconds, history.epoch_seconds, history.validation_seconds = start.seconds

    def _one_window(self, arrays: Sequence[tf.Tensor], state: Carried) -> tuple[Carried, Sequence[tf.Tensor]]:
        x_TBI, y, *counted = arrays
        state, loss, score = self._learner.step(self._features(x_TBI), self._targets(y), state, *counted)
        return state, [loss, score, *(tf.reduce_mean(tf.cast(each, tf.float32)) for each in counted)]

    def _example(self) -> list[Array]:
        """A buffer of the shape of all."""
        size = (self._buffer_size, self._trainer.window, self._rows)
        train = self._data.train
        arrays = [np.zeros((*size, *stored.shape[3:]), stored.dtype) for stored in (train.x_EBNI, train.y)]
        return arrays if self._warmup is None else [*arrays, np.zeros(size, np.uint8)]

    def _zero_state(self) -> Carried:
        return self._learner.zero_state(self._rows)


class Pace:
    """Chooses the number of windows of each call so that a call takes about half a second.

    The number has no influence on the numbers computed, only on when progress is shown and checks are made.
    """

    def __init__(self) -> None:
        self._count = _FIRST_COUNT

    def measured(self, count: int, seconds: float) -> None:
        """Adapts to a call that ran `count` windows in `seconds`."""
        fitting = int(count * _SECONDS_PER_CALL / max(seconds, 1e-9))
        self._count = max(1, min(fitting, self._count * _GROWTH))

    def next(self, remaining: int) -> int:
        """Windows to run next, at most `remaining`."""
        return min(self._count, remaining)
