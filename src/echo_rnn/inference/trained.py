"""A trained network in memory."""

from dataclasses import dataclass

from echo_rnn.core.model import Model, Weights
from echo_rnn.inference.description import Description


@dataclass(frozen=True)
class Trained:
    """A trained network, verified against its manifest.

    Attributes:
        description: What it is.
        model: The network.
        weights: Its weights.
        run_id: Of the training in the tracking store; empty when nothing was tracked.
        digest: Of the manifest that it was read from; empty where it was not.
    """

    description: Description
    model: Model
    weights: Weights
    run_id: str
    digest: str = ""
