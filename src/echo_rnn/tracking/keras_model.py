"""A Keras model as an MLflow model: `.keras` file, signature, requirements."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.keras
import numpy as np
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

REQUIREMENTS = ("keras", "tensorflow", "numpy")


def save_keras_model(model: Any, folder: Path, run_id: str, example: np.ndarray) -> None:
    """Writes `model` into an empty folder; what a store decides of it is added when it is sent.

    `mlflow.keras.log_model` would send it at once, to the one global store and run of the process, and in MLflow 3.17
    it fails when it is given an example.
    """
    mlflow.keras.save_model(
        model,
        str(folder),
        mlflow_model=Model(run_id=run_id),
        signature=_signature(example.shape[-1], model.output_shape[-1]),
        input_example=example,
        # Named here, because MLflow finds them out by loading the model in a fresh process.
        pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
    )


def _signature(inputs: int, classes: int) -> ModelSignature:
    # Rows and time steps are free: a recurrent model takes series of any length.
    return ModelSignature(inputs=_series(inputs), outputs=_series(classes))


def _series(width: int) -> Schema:
    return Schema([TensorSpec(np.dtype("float32"), (-1, -1, width))])
