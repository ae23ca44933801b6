"""What a folder says about the trained network in it, read without TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from echo_rnn.config.network import MODEL, ModelSection
from echo_rnn.core.cell_table import Stack
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.errors import UserError
from echo_rnn.manifest import Manifest
from echo_rnn.tasks.ends import Ends

MANIFEST = Manifest(
    kind="trained network",
    name="model.json",
    format=3,
    # A cache's file that cannot be written to is not looked at by DVC.
    remedy="to train it again run `chmod -R u+w .dvc/cache/files; dvc repro train` (or delete the folder of a job's "
    "network and run the job again)",
)

WEIGHTS = "weights.npz"


@dataclass(frozen=True)
class Description:
    """A network without its weights.

    Attributes:
        section: The layers and what is dropped, as they were configured.
        unrolling: The strategy that trained it.
        ends: What it reads and predicts.
    """

    section: ModelSection
    unrolling: Unrolling
    ends: Ends

    @property
    def stack(self) -> Stack:
        """The layers as a value."""
        return self.section.stack

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "model": self.section.model_dump(mode="json"),
            "unroll": self.unrolling.label,
            "ends": self.ends.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Description":
        """What `to_dict` gave."""
        section = MODEL.validate(values["model"])
        return cls(section, get_strategy(values["unroll"]), Ends.from_dict(values["ends"]))


def read(folder: Path) -> Description:
    """The description of the network in `folder`; its other files are not looked at.

    Raises:
        UserError: There is none, or it is damaged, edited, or of another version.
    """
    return parse(folder, MANIFEST.read(folder))


def parse(folder: Path, content: dict[str, Any]) -> Description:
    """The description in the content of the manifest of `folder`.

    Raises:
        UserError: This version has no such network.
    """
    try:
        return Description.from_dict(content["network"])
    except (ValidationError, UserError, KeyError, TypeError) as error:
        got = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            got = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise MANIFEST.mismatch(folder / MANIFEST.name, "a network that this version can build", got) from error
