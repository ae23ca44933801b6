"""A Keras model as an MLflow model: `.keras` file, signature, requirements."""

import tempfile
from importlib.metadata import version
from typing import Any

import mlflow.keras
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

NAME = "model"
REQUIREMENTS = ("keras", "tensorflow", "numpy")


def log_keras_model(client: MlflowClient, experiment_id: str, run_id: str, model: Any, example: np.ndarray) -> str:
    """Logs `model` under the run and gives its address.

    `mlflow.keras.log_model` does the same steps, but on the one global store and run of the process, and in MLflow
    3.17 it fails when it is given an example.
    """
    logged = client.create_logged_model(experiment_id, name=NAME, source_run_id=run_id)
    with tempfile.TemporaryDirectory() as folder:
        mlflow.keras.save_model(
            model,
            folder,
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
                run_id=run_id,
            ),
            signature=_signature(example.shape[-1], model.output_shape[-1]),
            input_example=example,
            # Named here, because MLflow finds them out by loading the model in a fresh process.
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
        )
        client.log_model_artifacts(logged.model_id, folder)
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return f"models:/{logged.model_id}"


def _signature(inputs: int, classes: int) -> ModelSignature:
    # Rows and time steps are free: a recurrent model takes series of any length.
    return ModelSignature(inputs=_series(inputs), outputs=_series(classes))


def _series(width: int) -> Schema:
    return Schema([TensorSpec(np.dtype("float32"), (-1, -1, width))])
