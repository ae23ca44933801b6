"""Stage `evaluate`: how good the trained network is on the test series; resumes the run that trained it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from echo_rnn.config import Config
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.files import write_json, write_table
from echo_rnn.gc_paused import gc_paused
from echo_rnn.inference.description import MANIFEST as NETWORK
from echo_rnn.stages.alone import alone
from echo_rnn.stages.inputs import require_dataset, require_network
from echo_rnn.stages.layout import Layout
from echo_rnn.stages.store import open_run
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tracking import MetricRow, Store

if TYPE_CHECKING:
    from echo_rnn.evaluation.scores import Evaluation

MOST_LAGS = 200  # more than a picture can show


def run(config: Config, files: Layout, store: Store) -> dict[str, Any]:
    """Evaluates the network; writes a report, adds it to the run, and returns the numbers."""
    with alone(files.root, "evaluation"):
        return _evaluated(config, files, store)


def _evaluated(config: Config, files: Layout, store: Store) -> dict[str, Any]:
    window, echo_step = config.trainer.window, config.task.echo_step
    data = open_dataset(files.data)
    require_dataset(config, data)
    with gc_paused():
        start_tensorflow(config.runtime.threads)
        from echo_rnn.core.windows.predictor import Predictor  # noqa: PLC0415
        from echo_rnn.evaluation.scores import Evaluation, tally  # noqa: PLC0415
        from echo_rnn.inference import store as trained  # noqa: PLC0415

    network = trained.load(files.model)
    require_network(config, data, files.model, NETWORK.read(files.model))
    test = data.test
    # A graph and not XLA: the series is run twice, which would not pay for compiling.
    predictors = [
        Predictor(network.model, lambda: network.weights, window, "graph", zeroed=flag) for flag in (False, True)
    ]
    lags = min(2 * echo_step + 5, MOST_LAGS)
    # DVC may have restored the model from a cache that was filled on another machine, where its run is.
    another = {"trained_in": network.run_id or "nowhere", "kind": "evaluation of a model of another store"}
    with open_run(store, config, network.run_id, another) as tracked:
        start = time.perf_counter()
        chunks = [predict(test.x_EBN[0], test.y_EBN[0], leftover=True) for predict in predictors]
        carried, zeroed = (tally(each, window, lags) for each in chunks)
        evaluation = Evaluation(carried, zeroed, test.accuracy_ceiling)
        seconds = time.perf_counter() - start
        # Where other code evaluates the same network again, its numbers replace the earlier ones.
        tracked.log_metrics(_rows(evaluation, seconds), remeasured=True)
        tracked.log_artifact(_report(evaluation, files.evaluation), "evaluation")
        for picture in _pictures(evaluation, window, echo_step, files.evaluation):
            tracked.log_artifact(picture, "figures")
    metrics = evaluation.metrics()
    gap = f"{abs(metrics['accuracy_gap']):.6f} {'below' if metrics['accuracy_gap'] >= 0 else 'above'}"
    print(f"test accuracy {metrics['accuracy']:.6f}, {gap} the ceiling {metrics['accuracy_ceiling']:.6f}")
    return metrics


def _rows(evaluation: "Evaluation", seconds: float) -> Iterator[MetricRow]:
    """The evaluation for the tracking store; a number of targets is no chart."""
    numbers = evaluation.metrics().items()
    yield from ((f"test/{name}", value, 0) for name, value in numbers if name != "targets" and value is not None)
    yield "time/evaluation", seconds, 0


def _report(evaluation: "Evaluation", folder: Path) -> Path:
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


def _pictures(evaluation: "Evaluation", window: int, echo_step: int, folder: Path) -> Iterator[Path]:
    from scipy.special import softmax  # noqa: PLC0415

    from echo_rnn.plots import diagnosis, echo_picture, save  # noqa: PLC0415

    carried, sample = evaluation.carried, evaluation.carried.sample
    p_BN = softmax(sample.logits_BNC, axis=-1)[..., 1]
    echo, shape = folder / "echo.png", folder / "diagnosis.png"
    save(echo_picture(sample.x_BN, sample.y_BN, p_BN, window, echo_step), echo)
    positions = carried.by_position_T, evaluation.zeroed.by_position_T
    save(diagnosis(*positions, carried.by_lag_K, carried.confusion_CC, echo_step), shape)
    yield from (echo, shape)
