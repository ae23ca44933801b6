"""Saves and loads trained networks.

A folder holds `weights.npz` (no pickles), the same network as a Keras model in `model.keras`, and the manifest
`model.json` with the entries of both files, the sections of the configuration that build the network, the digest of the
dataset it was trained on, and the tracking run that trained it.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from pydantic import ValidationError

from echo_rnn.config.network import MODEL, ModelSection
from echo_rnn.core.model import Model, Weights, build, flat
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.errors import UserError
from echo_rnn.files import replacing_files
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
    """A trained network, verified against its manifest; `run_id` of the training is empty when nothing was tracked."""

    model: Model
    weights: Weights
    run_id: str


def save(
    folder: Path,
    model: ModelSection,
    unrolling: Unrolling,
    weights: Weights,
    *,
    run_id: str,
    dataset_digest: str,
) -> keras.Model:
    """Writes a trained network to `folder`.

    An earlier network in `folder` stays until all files are written; the manifest is replaced last.

    Args:
        folder: Created where missing.
        model: Describes the network.
        unrolling: Unrolls it.
        weights: As they were trained.
        run_id: The tracking run that trained it; empty when nothing was tracked.
        dataset_digest: Of the dataset it was trained on.

    Returns:
        The network as a Keras model; see `to_keras`.

    Raises:
        UserError: A file cannot be written.
    """
    exported = to_keras(_built(model, unrolling), weights)
    with replacing_files(folder, last=MANIFEST.name) as scratch:
        np.savez(scratch / WEIGHTS, *(np.asarray(leaf) for leaf in flat(weights)))
        exported.save(scratch / KERAS)
        content = {
            "network": {"model": model.model_dump(mode="json"), "unroll": unrolling.label},
            "run_id": run_id,
            "dataset_digest": dataset_digest,
            "files": {name: file_entry(scratch / name) for name in (WEIGHTS, KERAS)},
        }
        MANIFEST.write_into(scratch, content)
    return exported


def load(folder: Path) -> Trained:
    """Verifies and loads what `save` wrote.

    Raises:
        UserError: Something is missing, damaged, edited, or of another version.
    """
    content = MANIFEST.read(folder)
    for name, expected in content["files"].items():
        MANIFEST.verify(folder / name, expected, "a part of the trained network")
    sections: dict[str, Any] = content["network"]
    try:
        model = _built(MODEL.validate(sections["model"]), get_strategy(sections["unroll"]))
    except (ValidationError, UserError) as error:
        got = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            got = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise MANIFEST.mismatch(folder / MANIFEST.name, "a network that this version can build", got) from error
    weights = _read_weights(folder / WEIGHTS, model.initial_weights(np.random.SeedSequence(0)))
    return Trained(model, weights, content["run_id"])


def _read_weights(path: Path, like: Weights) -> Weights:
    """The weights in a file, checked against the shapes of `like`: a right checksum does not prove a right content."""
    try:
        with np.load(path, allow_pickle=False) as file:
            leaves = [file[name] for name in file.files]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise MANIFEST.mismatch(path, "arrays of numbers", f"something else ({error})") from error
    expected, got = ([(leaf.dtype.name, leaf.shape) for leaf in many] for many in (map(np.asarray, flat(like)), leaves))
    if expected != got:
        raise MANIFEST.mismatch(path, f"the weights of the network in the manifest, {expected}", f"{got}")
    weights: Weights = tf.nest.pack_sequence_as(like, [tf.constant(leaf) for leaf in leaves])
    return weights


def _built(model: ModelSection, unrolling: Unrolling) -> Model:
    return build(model.stack, unrolling, INPUTS, CLASSES, dropout=model.dropout.model_dump())
