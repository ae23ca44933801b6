"""The store of a trained network: weights, what they belong to, and the same network as a Keras model.

A folder holds `weights.npz` (no pickles), `model.keras` and `model.json`, which states what both must be, the sections
of the configuration that build the network, the data it was trained on, and the tracking run that trained it.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from pydantic import ValidationError

from echo_rnn.config.network import ModelSection, model_section
from echo_rnn.core.model import Model, Weights, build, flat
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.errors import UserError
from echo_rnn.files import replacing
from echo_rnn.inference.keras_model import to_keras
from echo_rnn.manifest import Manifest, file_entry
from echo_rnn.tasks import CLASSES, INPUTS

MANIFEST = Manifest(
    kind="trained network",
    name="model.json",
    format=2,
    remedy="run `dvc repro train` (or delete the folder of the model) to train it again",
)
WEIGHTS = "weights.npz"
KERAS = "model.keras"


@dataclass(frozen=True)
class Trained:
    """A trained network, verified.

    Attributes:
        model: The network.
        weights: Its weights.
        run_id: The tracking run that trained it; empty when nothing was tracked.
        dataset_digest: What it was trained on.
    """

    model: Model
    weights: Weights
    run_id: str
    dataset_digest: str


def save(
    folder: Path,
    model: ModelSection,
    unrolling: Unrolling,
    weights: Weights,
    *,
    run_id: str,
    dataset_digest: str,
) -> keras.Model:
    """Writes the network that the section and the strategy describe to `folder`.

    What `folder` held before stays until all is written; the description then takes its place last.

    Returns:
        The network as a Keras model.
    """
    exported = to_keras(_built(model, unrolling), weights)
    with (
        replacing(folder / MANIFEST.name) as description,
        replacing(folder / KERAS) as keras_file,
        replacing(folder / WEIGHTS) as weights_file,
    ):
        np.savez(weights_file, *(np.asarray(leaf) for leaf in flat(weights)))
        exported.save(keras_file)
        content = {
            "network": {"model": model.model_dump(mode="json"), "unroll": unrolling.label},
            "run_id": run_id,
            "dataset_digest": dataset_digest,
            "files": {WEIGHTS: file_entry(weights_file), KERAS: file_entry(keras_file)},
        }
        description.write_text(MANIFEST.text(content), encoding="utf-8")
    return exported


def load(folder: Path) -> Trained:
    """Opens what `save` wrote, after verifying it.

    Raises:
        UserError: Something is missing, damaged, edited, or of another version.
    """
    content = MANIFEST.read(folder)
    for name, expected in content["files"].items():
        MANIFEST.verify(folder / name, expected, "a part of the trained network")
    sections: dict[str, Any] = content["network"]
    try:
        model = _built(model_section(sections["model"]), get_strategy(sections["unroll"]))
    except ValidationError as error:
        first = error.errors()[0]
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise MANIFEST.mismatch(folder / MANIFEST.name, "a network that this version knows", found) from error
    except UserError as error:
        raise MANIFEST.mismatch(folder / MANIFEST.name, "a network that this version knows", str(error)) from error
    weights = _read_weights(folder / WEIGHTS, model.initial_weights(np.random.SeedSequence(0)))
    return Trained(model, weights, content["run_id"], content["dataset_digest"])


def _read_weights(path: Path, like: Weights) -> Weights:
    """The weights of a file, whose checksum says nothing about who made it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            leaves = [file[name] for name in file.files]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise MANIFEST.mismatch(path, "arrays of numbers", f"something else ({error})") from error
    wanted, found = ([(leaf.dtype.name, leaf.shape) for leaf in many] for many in (map(np.asarray, flat(like)), leaves))
    if wanted != found:
        raise MANIFEST.mismatch(path, f"the weights of the network it states, {wanted}", f"{found}")
    weights: Weights = tf.nest.pack_sequence_as(like, [tf.constant(leaf) for leaf in leaves])
    return weights


def _built(model: ModelSection, unrolling: Unrolling) -> Model:
    return build(model.stack, unrolling, INPUTS, CLASSES, dropout=model.dropout.model_dump())
