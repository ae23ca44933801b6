"""One open MLflow run, written in batches: a request for each number would cost more than a training step.

MLflow's client splits a batch by the limits of a request: 1000 metrics, 100 parameters.
"""

import json
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from echo_rnn.tracking.address import mask
from echo_rnn.tracking.failures import one_sentence_of
from echo_rnn.tracking.interface import MetricRow
from echo_rnn.tracking.parameters import flatten, shortened

DIGEST_LENGTH = 36
NON_FINITE_TAG = "metrics.non_finite"


class MlflowRun:
    """See `interface.Run`."""

    def __init__(self, client: MlflowClient, address: str, run_id: str, experiment_id: str) -> None:
        self.id = run_id
        self._client = client
        self._address = address
        self._experiment_id = experiment_id

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Logs every value; what MLflow would not keep whole is cut with a mark, credentials are hidden."""
        params = [Param(name, shortened(mask(value))) for name, value in flatten(config)]
        with one_sentence_of(self._address):
            self._client.log_batch(self.id, params=params)

    def log_metrics(self, rows: Iterable[MetricRow]) -> None:
        """Logs the finite numbers; MLflow would store infinities as 1.8e308, so a tag counts those left out."""
        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step) for name, value, step in rows]
        finite = [metric for metric in metrics if math.isfinite(metric.value)]
        with one_sentence_of(self._address):
            self._client.log_batch(self.id, metrics=finite)
        if len(finite) < len(metrics):
            self._count_non_finite(len(metrics) - len(finite))

    def log_dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """Logs a dataset as input; MLflow keeps 36 characters of the digest, so the source holds all of it."""
        described = json.dumps({"uri": mask(source), "digest": digest})
        data = Dataset(name=name, digest=digest[:DIGEST_LENGTH], source_type="local", source=described)
        tag = InputTag(key="mlflow.data.context", value=context)
        with one_sentence_of(self._address):
            self._client.log_inputs(self.id, datasets=[DatasetInput(dataset=data, tags=[tag])])

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Copies a file into the run's artifacts."""
        with one_sentence_of(self._address):
            self._client.log_artifact(self.id, str(path), artifact_path=folder or None)

    def log_text(self, text: str, file: str) -> None:
        """Writes `text` as an artifact named `file`."""
        with one_sentence_of(self._address):
            self._client.log_text(self.id, text, file)

    def log_model(self, model: Any, example: np.ndarray) -> str:
        """Logs a Keras model, about 0.3 s for a small one, and gives its address `models:/<id>`."""
        # Here and not above: it imports TensorFlow, which most users of a store do not need.
        from echo_rnn.tracking.keras_model import log_keras_model  # noqa: PLC0415

        with one_sentence_of(self._address):
            return log_keras_model(self._client, self._experiment_id, self.id, model, example)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Sets or replaces tags."""
        with one_sentence_of(self._address):
            self._client.log_batch(self.id, tags=[RunTag(name, value) for name, value in tags.items()])

    def _count_non_finite(self, more: int) -> None:
        # The count lives in the store, so that a continued run goes on counting.
        with one_sentence_of(self._address):
            before = self._client.get_run(self.id).data.tags.get(NON_FINITE_TAG, "0")
        self.set_tags({NON_FINITE_TAG: str(int(before) + more)})
