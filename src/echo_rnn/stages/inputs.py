"""What a stage reads belongs together: the dataset to the configuration, the network to both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echo_rnn.config import Config
from echo_rnn.errors import UserError
from echo_rnn.tasks.dataset import Dataset, Split
from echo_rnn.tasks.ends import Ends
from echo_rnn.tracking import Data


def origin(config: Config) -> dict[str, Any]:
    """The part of a configuration that a dataset is made of, as JSON values."""
    return {"task": config.task.model_dump(mode="json"), "seed": config.seed}


def table_of(data: Dataset, split: str) -> Data:
    """A split of a dataset as the tracking store describes it: one row for each step."""
    arrays: Split = getattr(data, split)
    columns = {"x": arrays.x_EBNI, "y": arrays.y}
    types = {name: "integer" if array.dtype.kind in "iu" else "float" for name, array in columns.items()}
    steps = arrays.x_EBNI[..., 0].size
    return Data(f"{data.task}-{split}", data.digest, types, steps)


def require_dataset(config: Config, data: Dataset) -> None:
    """Refuses a dataset that was made of another configuration.

    Raises:
        UserError: It was; the sentence names a key that differs.
    """
    if other := _difference(data.origin, origin(config)):
        raise UserError(
            f"{data.folder}: expected the series of this configuration, {other}; `dvc repro generate` makes them, or "
            "python -m pipelines.generate",
            "inputs.dataset",
        )


def require_network(config: Config, data: Dataset, folder: Path, manifest: Mapping[str, Any]) -> None:
    """Refuses a trained network of another configuration, or that was trained on another dataset.

    Args:
        config: The configuration.
        data: The dataset that it is used with.
        folder: The network's.
        manifest: The content of its manifest.

    Raises:
        UserError: It is; the sentence names what differs.
    """
    network, chosen = manifest["network"], config.unroll.unrolling
    found = {"model": network["model"], "unroll": network["unroll"], "dataset": manifest["dataset_digest"]}
    wanted = {"model": config.model.model_dump(mode="json"), "dataset": data.digest}
    wanted["unroll"] = chosen.label if chosen else network["unroll"]
    if other := _difference(found, wanted):
        raise UserError(
            f"{folder}: expected the network of this configuration, trained on {data.folder}, {other}; `dvc repro "
            "train` makes it, or python -m pipelines.train --stage",
            "inputs.network",
        )


def require_ends(data: Dataset, ends: Ends) -> None:
    """Refuses a dataset that is not what a network reads and predicts; scaling and length do not matter.

    Raises:
        UserError: It is not; the sentence names what differs.
    """
    names = ("kind", "inputs", "outputs", "input_names", "target_names", "sample_rate")
    found, wanted = ({name: getattr(each, name) for name in names} for each in (data.ends, ends))
    if other := _difference(found, wanted):
        raise UserError(
            f"{data.folder}: expected a dataset for what the network reads and predicts, {other}; name another dataset "
            "or another network",
            "inputs.ends",
        )


def _difference(found: Any, wanted: Any, key: str = "") -> str:
    """The first key that differs, as text; empty where there is none."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        names = [*wanted, *(name for name in found if name not in wanted)]
        each = (_difference(found.get(name), wanted.get(name), f"{key}.{name}".lstrip(".")) for name in names)
        return next(filter(None, each), "")
    return "" if found == wanted else f"{key} = {wanted}, got {key} = {found}"
