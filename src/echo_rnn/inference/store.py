"""Saves and loads trained networks.

A folder holds `weights.npz` (no pickles), the same network as a Keras model in `model.keras`, and the manifest
`model.json` with the entries of both files, the sections of the configuration that build the network, the digest of the
dataset it was trained on, and the tracking run that trained it.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from echo_rnn.core.model import Model, Weights, build, flat
from echo_rnn.errors import UserError
from echo_rnn.files import remove, replacing_files
from echo_rnn.inference.description import MANIFEST, WEIGHTS, Description, parse
from echo_rnn.inference.exports import EXPORTED, write
from echo_rnn.inference.keras_model import to_keras
from echo_rnn.inference.trained import Trained
from echo_rnn.manifest import file_entry

KERAS = "model.keras"


def save(
    folder: Path,
    description: Description,
    weights: Weights,
    *,
    run_id: str,
    dataset_digest: str,
    exports: Sequence[str] = (),
) -> keras.Model:
    """Writes a trained network to `folder`.

    An earlier network in `folder` stays until all files are written; the manifest is replaced last.

    Args:
        folder: Created where missing.
        description: What the network is.
        weights: As they were trained.
        run_id: The tracking run that trained it; empty when nothing was tracked.
        dataset_digest: Of the dataset it was trained on.
        exports: Formats in which it is written, too; those of an earlier network are removed.

    Returns:
        The network as a Keras model; see `to_keras`.

    Raises:
        UserError: A file cannot be written.
    """
    model = _built(description)
    exported = to_keras(model, weights, description.ends)
    with replacing_files(folder, last=MANIFEST.name) as scratch:
        np.savez(scratch / WEIGHTS, *(np.asarray(leaf) for leaf in flat(weights)))
        exported.save(scratch / KERAS)
        content = {
            "network": description.to_dict(),
            "run_id": run_id,
            "dataset_digest": dataset_digest,
            "files": {name: file_entry(scratch / name) for name in (WEIGHTS, KERAS)},
        }
        MANIFEST.write_into(scratch, content)
    # Those of an earlier network would pass for this one's.
    remove(*(folder / EXPORTED).glob("*"))
    write(Trained(description, model, weights, run_id), exports, folder / EXPORTED)
    return exported


def load(folder: Path) -> Trained:
    """Verifies and loads what `save` wrote.

    Raises:
        UserError: Something is missing, damaged, edited, or of another version.
    """
    content = MANIFEST.read(folder)
    with MANIFEST.taking(folder), ExitStack() as reading:
        for name, expected in content["files"].items():
            reading.enter_context(MANIFEST.verified(folder / name, expected, "a part of the trained network"))
        run_id, leaves = str(content["run_id"]), list(MANIFEST.read_arrays(folder / WEIGHTS).values())
    description = parse(folder, content)
    try:
        model = _built(description)
    except UserError as error:
        raise MANIFEST.mismatch(folder / MANIFEST.name, "a network that this version can build", str(error)) from error
    weights = _as_weights(folder / WEIGHTS, leaves, model.initial_weights(np.random.SeedSequence(0)))
    return Trained(description, model, weights, run_id, content["digest"])


def _as_weights(path: Path, leaves: Sequence[NDArray[Any]], like: Weights) -> Weights:
    """The weights of a file, checked against the shapes of `like`: a right checksum does not prove a right content."""
    expected, got = ([(leaf.dtype.name, leaf.shape) for leaf in many] for many in (map(np.asarray, flat(like)), leaves))
    if expected != got:
        raise MANIFEST.mismatch(path, f"the weights of the network in the manifest, {expected}", f"{got}")
    weights: Weights = tf.nest.pack_sequence_as(like, [tf.constant(leaf) for leaf in leaves])
    return weights


def _built(description: Description) -> Model:
    ends = description.ends
    return build(
        description.stack,
        description.unrolling,
        ends.inputs,
        ends.outputs,
        residual_inputs=ends.residual_inputs,
        dropout=description.section.dropout.model_dump(),
    )
