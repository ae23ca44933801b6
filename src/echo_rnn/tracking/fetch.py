"""What a store has of a run, as the entries of a journal that were sent."""

import math

from mlflow import MlflowClient

from echo_rnn.tracking.journal import Entry
from echo_rnn.tracking.known import NON_FINITE_TAG


def entries_of(client: MlflowClient, run_id: str) -> list[Entry]:
    """The points, parameters and the count of numbers left out; a run that goes on must not log them again."""
    run = client.get_run(run_id)
    points = [point for name in run.data.metrics for point in client.get_metric_history(run_id, name)]
    rows = [[point.key, point.value, point.step, point.timestamp] for point in points if math.isfinite(point.value)]
    left_out = {name: value for name, value in run.data.tags.items() if name == NON_FINITE_TAG}
    return [
        {"do": "metrics", "rows": rows},
        {"do": "params", "values": run.data.params},
        {"do": "tags", "values": left_out},
    ]
