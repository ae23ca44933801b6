"""Stage `evaluate`: how good the trained network is on the test series; continues the run that trained it."""

import time
from typing import Any

from echo_rnn.config import Config, read
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.errors import one_sentence
from echo_rnn.gc_paused import gc_paused
from echo_rnn.stages.layout import STAGE, Layout, as_stage
from echo_rnn.stages.store import run_of_model, store_of
from echo_rnn.tasks.dataset import open_dataset

MOST_LAGS = 200  # more than a picture can show


def run(config: Config, files: Layout) -> dict[str, Any]:
    """Evaluates the network; leaves a report, adds it to the run, and returns the numbers."""
    with gc_paused():
        store = store_of(config.tracking)
    data = open_dataset(files.data)
    with gc_paused():
        start_tensorflow(config.runtime.threads)
        from echo_rnn.core.windows.predictor import Predictor  # noqa: PLC0415
        from echo_rnn.evaluation.scores import evaluate  # noqa: PLC0415
        from echo_rnn.inference import store as trained  # noqa: PLC0415
        from echo_rnn.stages import metrics, reports  # noqa: PLC0415

    network = trained.load(files.model)
    window, test = config.trainer.window, data.test
    # A graph and not XLA: the series is run twice, which would not pay for compiling.
    carried, zeroed = (
        Predictor(network.model, lambda: network.weights, window, "graph", zeroed=flag) for flag in (False, True)
    )
    with run_of_model(store, config, network.run_id) as tracked:
        start = time.perf_counter()
        evaluation = evaluate(
            test.x_EBN[0],
            test.y_EBN[0],
            carried=carried,
            zeroed=zeroed,
            window=window,
            lags=min(2 * config.task.echo_step + 5, MOST_LAGS),
            accuracy_ceiling=test.accuracy_ceiling,
        )
        seconds = time.perf_counter() - start
        pictures = reports.report_evaluation(evaluation, window, config.task.echo_step, files.evaluation)
        # Where other code evaluates the same network anew, what it finds is what counts.
        tracked.log_metrics(metrics.test_metrics(evaluation, seconds), again=True)
        for path in (*pictures, files.evaluation / "metrics.json"):
            tracked.log_artifact(path, "figures" if path.suffix == ".png" else "evaluation")
    gap = f"{abs(evaluation.accuracy_gap):.6f} {'below' if evaluation.accuracy_gap >= 0 else 'above'}"
    print(f"test accuracy {evaluation.accuracy:.6f}, {gap} the ceiling {evaluation.accuracy_ceiling:.6f}")
    return evaluation.metrics()


if __name__ == "__main__":
    with one_sentence():
        run(read(as_stage().config), STAGE)
