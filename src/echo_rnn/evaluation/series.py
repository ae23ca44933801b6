"""Runs a trained network over a test series of real targets, beside the baselines."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.core.windows.counting import counted
from echo_rnn.core.windows.predictor import Chunk, Predictor
from echo_rnn.evaluation.baselines import LinearFilter, Persistence, fit, fitting_steps
from echo_rnn.evaluation.real import RealEvaluation, RealTally, Sums
from echo_rnn.tasks.dataset import Dataset

Floats = NDArray[Any]
Sound = dict[str, Floats]

TAPS = 64
"""The most inputs of each feature that the linear filter sees."""
_PLACE = 500  # most steps of the worst place
_SOUND_SECONDS = 60


def evaluate(
    data: Dataset, carried: Predictor, zeroed: Predictor, window: int, folder: Path | None
) -> tuple[RealEvaluation, Sound | None]:
    """The scores on the test series, and the first minute of targets and predictions where these are sound.

    Args:
        data: The dataset.
        carried: Predicts with the state carried.
        zeroed: Predicts with the state zeroed before every window.
        window: Time steps of a window.
        folder: For a file as large as the predictions, whose rows come all at once; `None` where these are no sound.
    """
    scaling, test = data.ends.scaling, data.test
    persistence, linear = Persistence(max(data.horizon, 1)), _fitted(data)
    tally, reset = RealTally(window, _PLACE), RealTally(window, _PLACE)
    sums = {"persistence": Sums(), "linear_filter": Sums()}
    steps = test.y.shape[2]
    sound = None if folder is None else _Recorder(folder, data, steps)
    done = 0
    for chunk in carried(test.x_EBNI[0], test.y[0], leftover=True):
        x_BNI, y_BNK, predicted_BNK, counted_BN = _raw(chunk, data)
        scaled_x, scaled_y = scaling.scale_inputs(x_BNI), scaling.scale_targets(y_BNK)
        scaled_y[~_present(chunk)] = 0.0
        guesses = (scaling.undo_targets(each(scaled_x, scaled_y)) for each in (persistence, linear))
        for (name, total), guess_BNK in zip(sums.items(), guesses, strict=True):
            total.add(guess_BNK, y_BNK, counted_BN)
            if name == "linear_filter":
                tally.look(predicted_BNK, y_BNK, guess_BNK, counted_BN)
        tally.add(predicted_BNK, y_BNK, counted_BN)
        if sound is not None:
            sound.add(done, predicted_BNK, y_BNK)
        done += y_BNK.shape[1]
    for chunk in zeroed(test.x_EBNI[0], test.y[0], leftover=True):
        _, y_BNK, predicted_BNK, counted_BN = _raw(chunk, data)
        reset.add(predicted_BNK, y_BNK, counted_BN)
    evaluation = RealEvaluation(tally, reset, sums, data.ends.target_names)
    return evaluation, None if sound is None else sound.first_minute()


def _present(chunk: Chunk) -> NDArray[np.bool_]:
    return np.ones(chunk.y.shape[:2], np.bool_) if chunk.counted_BN is None else chunk.counted_BN


def _raw(chunk: Chunk, data: Dataset) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Inputs, targets and predictions in raw units, and whether each step counts."""
    return (
        chunk.x_BNI * np.float32(data.units.x),
        chunk.y * np.float32(data.units.y),
        data.ends.scaling.undo_targets(chunk.outputs_BNC),
        _present(chunk),
    )


def _fitted(data: Dataset) -> LinearFilter:
    """The linear filter that fits the training series best."""
    train, scaling = data.train, data.ends.scaling
    steps = fitting_steps(*train.y.shape[1:3])
    y, count_WTB = counted(np.moveaxis(train.y[0][:, :steps], 0, 1)[np.newaxis], 0, data.warmup or 0)
    x_BNI = scaling.scale_inputs(train.x_EBNI[0][:, :steps] * np.float32(data.units.x))
    y_BNK = scaling.scale_targets(np.moveaxis(y[0], 1, 0) * np.float32(data.units.y))
    return fit(x_BNI, y_BNK, count_WTB[0].T.astype(bool), TAPS)


class _Recorder:
    """Targets and predictions of all rows, in a file, since a series is in order only row after row."""

    def __init__(self, folder: Path, data: Dataset, steps: int) -> None:
        rate = data.ends.sample_rate or 1
        self._skip = data.warmup or 0
        new = max(1, steps - self._skip)
        rows = min(data.test.y.shape[1], 1 + (_SOUND_SECONDS * rate) // new)
        self._most = _SOUND_SECONDS * rate
        shape = (2, rows, min(steps, self._most + self._skip))
        self._series = np.lib.format.open_memmap(folder / "sound.npy", "w+", np.float32, shape)

    def add(self, done: int, predicted_BNK: Floats, y_BNK: Floats) -> None:
        """Adds a piece that begins after `done` steps of each row."""
        _, rows, steps = self._series.shape
        stop = min(done + y_BNK.shape[1], steps)
        if done < stop:
            for part, each in enumerate((y_BNK, predicted_BNK)):
                self._series[part, :, done:stop] = each[:rows, : stop - done, 0]

    def first_minute(self) -> Sound:
        """16-bit samples by name; the rows of a series overlap by the steps that warm up."""
        rows = [self._series[:, row, self._skip if row else 0 :] for row in range(self._series.shape[1])]
        both = np.concatenate(rows, axis=1)[:, : self._most]
        target, prediction = np.rint(np.clip(both, -1, 1) * 32767).astype(np.int16)
        return {"target": target, "prediction": prediction}
